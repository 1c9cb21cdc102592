import {
  dataQualityFailed,
  dataQualityRecovered,
  type EventType,
  modelPromoted,
  modelRolledBack,
  pipelineApplied,
  pipelineEnded,
  turnStarted,
  windowProfiled,
} from '@relearn/contracts';
import type { Decider } from '@relearn/runtime';
import type { Json } from '@relearn/store';
import { decide, needs } from '../domain/decide.js';
import { evolve } from '../domain/evolve.js';
import { type TriggerState, unknownTriggers } from '../domain/trigger-state.js';

const heard: readonly EventType[] = [
  windowProfiled,
  pipelineApplied,
  turnStarted,
  pipelineEnded,
  modelPromoted,
  modelRolledBack,
  dataQualityFailed,
  dataQualityRecovered,
];

/** One aggregate a pipeline: merges shards' windows and alone asks for a retrain. */
export function triggerDecider(): Decider<TriggerState> {
  return {
    service: 'monitoring',
    topics: ['control', 'monitoring'],
    route: (event) => (heard.some((type) => type.is(event)) ? event.pipeline : null),
    initial: () => unknownTriggers,
    decide,
    needs,
    evolve,
    encode: (state) => state as unknown as Json,
    decode: (body) => body as unknown as TriggerState,
  };
}
