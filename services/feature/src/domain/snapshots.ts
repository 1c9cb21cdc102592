import {
  type DataOf,
  datasetSnapshotted,
  type Event,
  type LoggedEvent,
  pipelineEnded,
  snapshotFailed,
  turnStarted,
} from '@relearn/contracts';
import { type Decider, type JobKind, type JobOrder, type JobResult, own } from '@relearn/runtime';
import type { Json } from '@relearn/store';

/** What the snapshot's job found. */
export type Snapshot = Omit<DataOf<typeof datasetSnapshotted>, 'turn' | 'request'>;

/** One aggregate a turn: asks for its snapshot once and reports it once. */
export interface SnapshotState {
  readonly turn: string | null;
  readonly request: string;
  readonly version: number;
  readonly ended: boolean;
}

const jobId = (turn: string) => `snapshot/${turn}`;

export function snapshotDecider(assemble: JobKind): Decider<SnapshotState> {
  return {
    service: 'feature',
    topics: ['control'],
    route(event) {
      if (turnStarted.is(event)) return `${event.pipeline}/${event.data.turn}`;
      if (pipelineEnded.is(event) && event.data.turn !== null) return `${event.pipeline}/${event.data.turn}`;
      return null;
    },
    initial: () => ({ turn: null, request: '', version: 0, ended: false }),
    decide(state: SnapshotState, event: LoggedEvent) {
      if (pipelineEnded.is(event)) return state.turn === null ? {} : { cancelJobs: [jobId(state.turn)] };
      if (!turnStarted.is(event)) return {};
      const { turn, cut } = event.data;
      const input = { pipeline: event.pipeline, pipelineVersion: event.pipelineversion, cut };
      return { jobs: [{ id: jobId(turn), kind: 'snapshot', input }] };
    },
    finish(state: SnapshotState, _job: JobOrder, result: JobResult) {
      if (state.turn === null || state.ended) return {};
      const base = { turn: state.turn, request: state.request };
      const shared = { pipelineVersion: state.version, subject: state.turn, correlationId: state.turn };
      if (!result.ok)
        return { events: [own({ type: snapshotFailed, data: { ...base, reason: result.message }, ...shared })] };
      const data = { ...base, ...(result.value as unknown as Snapshot) };
      return { events: [own({ type: datasetSnapshotted, data, ...shared })] };
    },
    evolve(state: SnapshotState, event: Event): SnapshotState {
      if (turnStarted.is(event)) {
        return { turn: event.data.turn, request: event.data.request, version: event.pipelineversion, ended: false };
      }
      return pipelineEnded.is(event) ? { ...state, ended: true } : state;
    },
    jobs: { snapshot: assemble },
    encode: (state) => state as unknown as Json,
    decode: (body) => body as unknown as SnapshotState,
  };
}
