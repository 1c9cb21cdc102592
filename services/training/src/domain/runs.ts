import {
  datasetSnapshotted,
  type Event,
  type LoggedEvent,
  modelTrained,
  pipelineEnded,
  trainingCompleted,
  trainingStarted,
  turnStarted,
  type TrainedCandidate,
} from '@relearn/contracts';
import { type Decider, type JobKind, type JobOrder, type JobResult, own } from '@relearn/runtime';
import type { Json } from '@relearn/store';

/** One run a turn. */
export interface RunState {
  readonly turn: string | null;
  readonly request: string;
  readonly version: number;
  readonly seed: number;
  readonly champion: string | null;
  readonly manifest: string;
  readonly dataHash: string;
  readonly ended: boolean;
}

const none: RunState = {
  turn: null,
  request: '',
  version: 0,
  seed: 0,
  champion: null,
  manifest: '',
  dataHash: '',
  ended: false,
};
const runId = (turn: string) => `run/${turn}`;

export function runDecider(train: JobKind): Decider<RunState> {
  return {
    service: 'training',
    topics: ['control'],
    route(event) {
      if (turnStarted.is(event) || datasetSnapshotted.is(event)) return `${event.pipeline}/${event.data.turn}`;
      if (pipelineEnded.is(event) && event.data.turn !== null) return `${event.pipeline}/${event.data.turn}`;
      return null;
    },
    initial: () => none,
    decide(state: RunState, event: LoggedEvent) {
      if (pipelineEnded.is(event)) return state.turn === null ? {} : { cancelJobs: [runId(state.turn)] };
      if (!datasetSnapshotted.is(event) || state.turn === null || state.ended) return {};
      const run = runId(state.turn);
      const { manifest } = event.data;
      const input = { pipeline: event.pipeline, pipelineVersion: state.version, manifest, seed: state.seed };
      const data = { turn: state.turn, request: state.request, run };
      const started = own({
        type: trainingStarted,
        data,
        pipelineVersion: state.version,
        subject: run,
        correlationId: state.turn,
      });
      return { events: [started], jobs: [{ id: run, kind: 'train', input }] };
    },
    finish(state: RunState, _job: JobOrder, result: JobResult) {
      if (state.turn === null || state.ended) return {};
      return { events: completed(state, state.turn, result) };
    },
    evolve(state: RunState, event: Event): RunState {
      if (turnStarted.is(event)) {
        const { turn, request, seed, champion } = event.data;
        return { ...none, turn, request, seed, champion, version: event.pipelineversion };
      }
      if (datasetSnapshotted.is(event)) {
        return { ...state, manifest: event.data.manifest, dataHash: event.data.dataHash };
      }
      return pipelineEnded.is(event) ? { ...state, ended: true } : state;
    },
    jobs: { train },
    encode: (state) => state as unknown as Json,
    decode: (body) => body as unknown as RunState,
  };
}

/** One `model.trained` a candidate and the run's end, always: a failed run has a winner of null. */
function completed(state: RunState, turn: string, result: JobResult) {
  const run = runId(turn);
  const shared = { pipelineVersion: state.version, subject: run, correlationId: turn };
  const ids = { turn, request: state.request, run };
  const { candidates, winner } = result.ok
    ? (result.value as unknown as { candidates: TrainedCandidate[]; winner: string | null })
    : { candidates: [failedRun(result.message)], winner: null };
  const { manifest, dataHash, champion } = state;
  return [
    ...candidates.map((candidate) => own({ type: modelTrained, data: { ...ids, candidate }, ...shared })),
    own({ type: trainingCompleted, data: { ...ids, manifest, dataHash, champion, candidates, winner }, ...shared }),
  ];
}

function failedRun(failure: string): TrainedCandidate {
  return { name: 'run', trainer: 'none', parameters: {}, candidate: null, model: null, metrics: {}, failure };
}
