import {
  dataQualityFailed,
  dataQualityRecovered,
  type Event,
  type EventType,
  modelPromoted,
  modelRolledBack,
  pipelineApplied,
  pipelineEnded,
  rolloutAdvanced,
  rolloutEnded,
  rolloutObserved,
  rolloutStarted,
  windowProfiled,
} from '@relearn/contracts';
import type { Decider } from '@relearn/runtime';
import type { Json } from '@relearn/store';
import { decide, needs } from '../domain/decide.js';
import { evolve } from '../domain/evolve.js';
import { verdict, verdictDue } from '../domain/rollout/fold.js';
import { type TriggerState, unknownTriggers } from '../domain/trigger-state.js';

const heard: readonly EventType[] = [
  windowProfiled,
  pipelineApplied,
  pipelineEnded,
  modelPromoted,
  modelRolledBack,
  dataQualityFailed,
  dataQualityRecovered,
  rolloutStarted,
  rolloutAdvanced,
  rolloutEnded,
  rolloutObserved,
];

/** Of a model that no pipeline owns: there is nothing to compare it with. */
function isPlain(event: Event): boolean {
  return (modelPromoted.is(event) || modelRolledBack.is(event)) && event.data.reference === undefined;
}

/** One aggregate a pipeline: merges what shards have seen, and alone judges a rollout and asks for a retrain. */
export function triggerDecider(): Decider<TriggerState> {
  return {
    service: 'monitoring',
    topics: ['control', 'monitoring'],
    route: (event) => (heard.some((type) => type.is(event)) && !isPlain(event) ? event.pipeline : null),
    initial: () => unknownTriggers,
    decide,
    needs,
    due: verdictDue,
    finish: (state) => verdict(state),
    evolve,
    jobs: { judge: { run: async () => null } },
    encode: (state) => state as unknown as Json,
    decode: (body) => body as unknown as TriggerState,
  };
}
