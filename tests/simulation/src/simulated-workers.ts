import type { PipelineSpec } from '@relearn/contracts';
import { type EvaluateInput, judgeCandidate } from '@relearn/evaluation';
import { assembleDataset, type SnapshotManifest } from '@relearn/features';
import { RelearnError, type Workers, type WorkOrder } from '@relearn/kernel';
import type { SimulatedProcess } from './process.js';
import type { Scheduler } from './scheduler.js';
import { decodeModel, scoreTiny, type TrainInput, trainTiny } from './tiny-model.js';

interface PrepareInput {
  readonly spec: PipelineSpec;
  readonly manifest: SnapshotManifest;
  readonly segments: readonly (readonly Uint8Array[])[];
}

/** What the services' jobs do, by the name of their module: the same, with a model that takes no time. */
const jobs: Readonly<Record<string, (input: unknown) => Promise<unknown>>> = {
  prepare: async (input) => {
    const { spec, manifest, segments } = input as PrepareInput;
    return assembleDataset(spec, manifest, segments);
  },
  train: async (input) => trainTiny(input as TrainInput),
  evaluate: (input) =>
    judgeCandidate(input as EvaluateInput, async (bytes) => ({
      inputNames: [decodeModel(bytes).column],
      score: async (dataset) => scoreTiny(bytes, dataset),
    })),
};

/** Threads of a process: a job takes a while, is given up at once, dies with its process, and sometimes alone or never ends. */
export function simulatedWorkers(process: SimulatedProcess, scheduler: Scheduler): Workers {
  return {
    run: ({ module, input, signal }: WorkOrder) => {
      const name = /(\w+)\.js$/.exec(module)?.[1] ?? module;
      const job = jobs[name];
      if (job === undefined) return Promise.reject(new RelearnError('UNIMPLEMENTED', `no job ${module}`));
      return new Promise((resolve, reject) => {
        const giveUp = () => reject(new RelearnError('CANCELLED', `${name} was given up`));
        if (signal?.aborted) return giveUp();
        signal?.addEventListener('abort', giveUp, { once: true });
        const forget = process.atCrash(() => signal?.removeEventListener('abort', giveUp));
        const lasts = scheduler.chance(0.1) ? 5_000 * scheduler.random() : 300 * scheduler.random();
        if (scheduler.chance(process.faults.present.hung)) return process.faults.count('thread hung');
        const dies = scheduler.chance(process.faults.present.rates.refused);
        process.later(lasts, `job ${name}`, () => {
          forget();
          signal?.removeEventListener('abort', giveUp);
          if (signal?.aborted) return;
          if (!dies) return void job(input).then(resolve, reject);
          process.faults.count('thread died');
          reject(new RelearnError('UNAVAILABLE', 'simulated: the thread died'));
        });
      });
    },
    stop: () => Promise.resolve(),
  };
}
