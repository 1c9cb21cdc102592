import {
  type Cut,
  type DataOf,
  datasetSnapshotted,
  type Event,
  pipelineEnded,
  snapshotFailed,
  turnStarted,
} from '@relearn/contracts';
import { type Decider, type EventRef, type JobKind, type JobOrder, type JobResult, own, refOf } from '@relearn/runtime';
import type { Json } from '@relearn/store';

/** What the snapshot's job found. */
export type Snapshot = Omit<DataOf<typeof datasetSnapshotted>, 'turn' | 'request'>;

/** One aggregate a turn: asks for its snapshot once and reports it once. */
export interface SnapshotState {
  readonly turn: Turn | null;
  /** The snapshot has been reported, or the turn has ended. */
  readonly done: boolean;
}

interface Turn {
  readonly id: string;
  readonly request: string;
  readonly pipeline: string;
  readonly version: number;
  readonly cut: Cut;
  readonly started: EventRef;
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
    initial: () => ({ turn: null, done: false }),
    decide: () => ({}),
    due({ turn, done }: SnapshotState) {
      if (turn === null || done) return {};
      const { id, pipeline, version, cut, started } = turn;
      const input = { pipeline, pipelineVersion: version, cut };
      return { jobs: [{ id: jobId(id), kind: 'snapshot', input, cause: started }] };
    },
    finish({ turn }: SnapshotState, _job: JobOrder, result: JobResult) {
      if (turn === null) return null;
      const base = { turn: turn.id, request: turn.request };
      const shared = { pipelineVersion: turn.version, subject: turn.id, correlationId: turn.id };
      if (!result.ok)
        return { events: [own({ type: snapshotFailed, data: { ...base, reason: result.message }, ...shared })] };
      const data = { ...base, ...(result.value as unknown as Snapshot) };
      return { events: [own({ type: datasetSnapshotted, data, ...shared })] };
    },
    evolve(state: SnapshotState, event: Event): SnapshotState {
      if (turnStarted.is(event)) {
        const { turn: id, request, cut } = event.data;
        const { pipeline, pipelineversion: version } = event;
        return { turn: { id, request, pipeline, version, cut, started: refOf(event) }, done: false };
      }
      const ends = [datasetSnapshotted, snapshotFailed, pipelineEnded].some((type) => type.is(event));
      return ends ? { ...state, done: true } : state;
    },
    jobs: { snapshot: assemble },
    encode: (state) => state as unknown as Json,
    decode: (body) => body as unknown as SnapshotState,
  };
}
