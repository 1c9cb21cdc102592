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
import { type Decider, type EventRef, type JobKind, type JobOrder, type JobResult, own, refOf } from '@relearn/runtime';
import type { Json } from '@relearn/store';

/** One run a turn. */
export interface RunState {
  readonly turn: string | null;
  readonly request: string;
  readonly pipeline: string;
  readonly version: number;
  readonly seed: number;
  readonly champion: string | null;
  /** What the run trains on; null before there is a snapshot. */
  readonly snapshot: Snapshot | null;
  /** The run has been reported, or the turn has ended. */
  readonly done: boolean;
}

interface Snapshot {
  readonly manifest: string;
  readonly dataHash: string;
  readonly event: EventRef;
}

const none: RunState = {
  turn: null,
  request: '',
  pipeline: '',
  version: 0,
  seed: 0,
  champion: null,
  snapshot: null,
  done: false,
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
    decide({ turn, request, version, done }: RunState, event: LoggedEvent) {
      if (!datasetSnapshotted.is(event) || turn === null || done) return {};
      const run = runId(turn);
      const data = { turn, request, run };
      const shared = { pipelineVersion: version, subject: run, correlationId: turn };
      return { events: [own({ type: trainingStarted, data, ...shared })] };
    },
    due({ turn, pipeline, version, seed, snapshot, done }: RunState) {
      if (turn === null || snapshot === null || done) return {};
      const input = { pipeline, pipelineVersion: version, manifest: snapshot.manifest, seed };
      return { jobs: [{ id: runId(turn), kind: 'train', input, cause: snapshot.event }] };
    },
    finish(state: RunState, _job: JobOrder, result: JobResult) {
      const { turn, snapshot } = state;
      return turn === null || snapshot === null ? null : { events: completed(state, turn, snapshot, result) };
    },
    evolve(state: RunState, event: Event): RunState {
      if (turnStarted.is(event)) {
        const { turn, request, seed, champion } = event.data;
        return { ...none, turn, request, seed, champion, pipeline: event.pipeline, version: event.pipelineversion };
      }
      if (datasetSnapshotted.is(event)) {
        const { manifest, dataHash } = event.data;
        return { ...state, snapshot: { manifest, dataHash, event: refOf(event) } };
      }
      return trainingCompleted.is(event) || pipelineEnded.is(event) ? { ...state, done: true } : state;
    },
    jobs: { train },
    encode: (state) => state as unknown as Json,
    decode: (body) => body as unknown as RunState,
  };
}

/** One `model.trained` a candidate and the run's end, always: a failed run has a winner of null. */
function completed(state: RunState, turn: string, { manifest, dataHash }: Snapshot, result: JobResult) {
  const run = runId(turn);
  const shared = { pipelineVersion: state.version, subject: run, correlationId: turn };
  const ids = { turn, request: state.request, run };
  const { candidates, winner } = result.ok
    ? (result.value as unknown as { candidates: TrainedCandidate[]; winner: string | null })
    : { candidates: [failedRun(result.message)], winner: null };
  const { champion } = state;
  return [
    ...candidates.map((candidate) => own({ type: modelTrained, data: { ...ids, candidate }, ...shared })),
    own({ type: trainingCompleted, data: { ...ids, manifest, dataHash, champion, candidates, winner }, ...shared }),
  ];
}

function failedRun(failure: string): TrainedCandidate {
  return { name: 'run', trainer: 'none', parameters: {}, candidate: null, model: null, metrics: {}, failure };
}
