import { deciderPart, type Ports, type RunningService } from '@relearn/runtime';
import type { Json } from '@relearn/store';
import { runDecider } from './domain/runs.js';
import { type TrainingHandlers, trainingHandlers } from './rpc/training.js';
import { runTraining, type TrainingInput } from './handlers/run-training.js';

/** Training: a snapshot in, trained candidates out, in worker threads under a lease. */
export function createTraining(ports: Ports): RunningService & { readonly rpc: TrainingHandlers } {
  const train = {
    run: async (input: Json, context: Parameters<typeof runTraining>[1]) =>
      (await runTraining(input as unknown as TrainingInput, context)) as unknown as Json,
  };
  const decider = runDecider(train);
  return {
    manifest: { name: 'training', consumes: ['control'], produces: ['control'], collections: [] },
    parts: [deciderPart(ports, decider)],
    deciders: [decider],
    rpc: trainingHandlers(ports),
  };
}
