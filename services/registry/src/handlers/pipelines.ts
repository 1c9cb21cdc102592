import type { ReadTrust } from '@relearn/bundles';
import {
  dataQualityFailed,
  dataQualityRecovered,
  type EventType,
  modelEvaluated,
  retrainRequested,
  rolloutJudged,
  snapshotFailed,
  timerFired,
  trainingCompleted,
} from '@relearn/contracts';
import type { Decider } from '@relearn/runtime';
import type { Json } from '@relearn/store';
import { decide, needs } from '../domain/decide.js';
import { evolve } from '../domain/evolve.js';
import { deadlineTimer, type PipelineState, unknownPipeline } from '../domain/state.js';

const heard: readonly EventType[] = [
  retrainRequested,
  snapshotFailed,
  trainingCompleted,
  modelEvaluated,
  dataQualityFailed,
  dataQualityRecovered,
  rolloutJudged,
  timerFired,
];

/**
 * One aggregate a pipeline. `deadlines`: turns end `failed` when their machine time runs out. `trust`: whose bundles may become
 * champion; without it nobody's signature is asked for.
 */
export function pipelineDecider(deadlines: boolean, trust?: ReadTrust): Decider<PipelineState> {
  return {
    service: 'registry',
    topics: ['control'],
    route: (event) => (heard.some((type) => type.is(event)) ? event.pipeline : null),
    initial: () => unknownPipeline,
    decide: (state, event, _now, facts) =>
      decide(state, event, facts, modelEvaluated.is(event) ? trust?.() : undefined),
    ...(trust === undefined ? {} : { needs }),
    due({ turn, rollout }) {
      if (!deadlines || turn === null || turn.overdue || rollout !== undefined) return {};
      return { timers: [{ id: deadlineTimer(turn.id), afterMs: turn.deadlineMs }] };
    },
    evolve,
    encode: (state) => state as unknown as Json,
    decode: (body) => body as unknown as PipelineState,
  };
}
