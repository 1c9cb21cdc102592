import type { TrainedCandidate } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import { numbersOf, scalarsOf, serviceOf, type Unary, type WireScalar } from '@relearn/rpc';
import type { Ports } from '@relearn/runtime';
import { type RunProgress, type RunRecord, RunsView } from './runs-view.js';

/** The messages of `relearn/v1/training.proto`; what each field means is said there. */
export interface CandidateMessage {
  readonly name: string;
  readonly trainer: string;
  readonly parameters: Readonly<Record<string, WireScalar>>;
  readonly model: string;
  readonly metrics: Readonly<Record<string, number>>;
  readonly failure: string;
}

export interface RunMessage {
  readonly run: string;
  readonly turn: string;
  readonly state: RunProgress;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly candidates: readonly CandidateMessage[];
  readonly winner: string;
  readonly manifest: string;
  readonly dataHash: string;
}

export interface TrainingHandlers {
  listRuns: Unary<{ readonly pipeline: string; readonly limit?: number }, { readonly runs: readonly RunMessage[] }>;
  getRun: Unary<{ readonly pipeline: string; readonly run: string }, RunMessage>;
}

export const trainingService = serviceOf<TrainingHandlers>('relearn/v1/training.proto', 'relearn.v1.Training');

const standardLimit = 100;

export function trainingHandlers(ports: Ports): TrainingHandlers {
  const view = new RunsView(ports);
  const runsOf = (pipeline: string) => {
    if (ports.catalog.latest(pipeline) === undefined) throw new RelearnError('NOT_FOUND', `no pipeline '${pipeline}'`);
    return view.of(pipeline);
  };
  return {
    async listRuns({ pipeline, limit = 0 }) {
      const newest = (await runsOf(pipeline)).slice(-(limit === 0 ? standardLimit : limit)).reverse();
      return { runs: newest.map(runMessage) };
    },
    async getRun({ pipeline, run }) {
      const found = (await runsOf(pipeline)).find((one) => one.run === run);
      if (found === undefined) throw new RelearnError('NOT_FOUND', `pipeline '${pipeline}' has no run '${run}'`);
      return runMessage(found);
    },
  };
}

function runMessage({ endedAt, winner, manifest, dataHash, candidates, ...run }: RunRecord): RunMessage {
  return {
    ...run,
    endedAt: endedAt ?? '',
    candidates: candidates.map(candidateMessage),
    winner: winner ?? '',
    manifest: manifest ?? '',
    dataHash: dataHash ?? '',
  };
}

function candidateMessage({ name, trainer, parameters, model, metrics, failure }: TrainedCandidate): CandidateMessage {
  return {
    name,
    trainer,
    parameters: scalarsOf(parameters),
    model: model ?? '',
    metrics: numbersOf(metrics),
    failure: failure ?? '',
  };
}
