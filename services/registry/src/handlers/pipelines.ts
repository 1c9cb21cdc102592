import {
  dataQualityFailed,
  dataQualityRecovered,
  type EventType,
  modelEvaluated,
  retrainRequested,
  snapshotFailed,
  timerFired,
  trainingCompleted,
} from '@relearn/contracts';
import type { Decider } from '@relearn/runtime';
import type { Json } from '@relearn/store';
import { decide } from '../domain/decide.js';
import { evolve } from '../domain/evolve.js';
import { type PipelineState, unknownPipeline } from '../domain/state.js';

const heard: readonly EventType[] = [
  retrainRequested,
  snapshotFailed,
  trainingCompleted,
  modelEvaluated,
  dataQualityFailed,
  dataQualityRecovered,
  timerFired,
];

/** One aggregate a pipeline. `deadlines`: turns end `failed` when their machine time runs out. */
export function pipelineDecider(deadlines: boolean): Decider<PipelineState> {
  return {
    service: 'registry',
    topics: ['control'],
    route: (event) => (heard.some((type) => type.is(event)) ? event.pipeline : null),
    initial: () => unknownPipeline,
    decide: (state, event) => decide(state, event, deadlines),
    evolve,
    encode: (state) => state as unknown as Json,
    decode: (body) => body as unknown as PipelineState,
  };
}
