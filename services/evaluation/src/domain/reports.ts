import {
  type DataOf,
  type Event,
  type Gate,
  type LoggedEvent,
  modelEvaluated,
  pipelineEnded,
  trainingCompleted,
  turnStarted,
} from '@relearn/contracts';
import { type Decider, type JobKind, type JobOrder, type JobResult, own } from '@relearn/runtime';
import type { Json } from '@relearn/store';

/** What the evaluation's job found. */
export type Report = Omit<DataOf<typeof modelEvaluated>, 'turn' | 'request'>;

/** One evaluation a turn. */
export interface ReportState {
  readonly turn: string | null;
  readonly request: string;
  readonly version: number;
  readonly seed: number;
  readonly champion: string | null;
  readonly ended: boolean;
}

const jobId = (turn: string) => `evaluation/${turn}`;

export function reportDecider(evaluate: JobKind): Decider<ReportState> {
  return {
    service: 'evaluation',
    topics: ['control'],
    route(event) {
      if (turnStarted.is(event) || trainingCompleted.is(event)) return `${event.pipeline}/${event.data.turn}`;
      if (pipelineEnded.is(event) && event.data.turn !== null) return `${event.pipeline}/${event.data.turn}`;
      return null;
    },
    initial: () => ({ turn: null, request: '', version: 0, seed: 0, champion: null, ended: false }),
    decide(state: ReportState, event: LoggedEvent) {
      if (pipelineEnded.is(event)) return state.turn === null ? {} : { cancelJobs: [jobId(state.turn)] };
      if (!trainingCompleted.is(event) || state.turn === null || state.ended) return {};
      const { manifest, dataHash, candidates, winner, champion, turn } = event.data;
      const failure = candidates
        .map(({ name, failure: why }) => `${name}: ${why ?? 'no validation metric'}`)
        .join('; ');
      const input = {
        pipeline: event.pipeline,
        pipelineVersion: state.version,
        turn,
        seed: state.seed,
        manifest,
        dataHash,
        champion,
        winner: candidates.find((candidate) => candidate.name === winner) ?? null,
        failure,
      };
      return { jobs: [{ id: jobId(turn), kind: 'evaluate', input }] };
    },
    finish(state: ReportState, _job: JobOrder, result: JobResult) {
      if (state.turn === null || state.ended) return {};
      const report = result.ok ? (result.value as unknown as Report) : failed(state, result.message);
      const data = { turn: state.turn, request: state.request, ...report };
      return {
        events: [
          own({
            type: modelEvaluated,
            data,
            pipelineVersion: state.version,
            subject: state.turn,
            correlationId: state.turn,
          }),
        ],
      };
    },
    evolve(state: ReportState, event: Event): ReportState {
      if (turnStarted.is(event)) {
        const { turn, request, seed, champion } = event.data;
        return { turn, request, seed, champion, version: event.pipelineversion, ended: false };
      }
      return pipelineEnded.is(event) ? { ...state, ended: true } : state;
    },
    jobs: { evaluate },
    encode: (state) => state as unknown as Json,
    decode: (body) => body as unknown as ReportState,
  };
}

/** An evaluation that could not be made is no evidence: it rejects. */
function failed(state: ReportState, message: string): Report {
  const gate: Gate = { name: 'evaluation', verdict: 'rejected', value: null, threshold: null, detail: message };
  return {
    verdict: 'rejected',
    bundle: null,
    reference: null,
    champion: state.champion,
    gates: [gate],
    metrics: {},
    championMetrics: null,
    rows: 0,
  };
}
