import {
  type DataOf,
  type Event,
  type Gate,
  modelEvaluated,
  pipelineEnded,
  trainingCompleted,
  turnStarted,
} from '@relearn/contracts';
import { type Decider, type EventRef, type JobKind, type JobOrder, type JobResult, own, refOf } from '@relearn/runtime';
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
  /** The run to be judged; null before it has completed. */
  readonly run: Run | null;
  /** The run has been judged, or the turn has ended. */
  readonly done: boolean;
}

interface Run {
  readonly input: Json;
  readonly completed: EventRef;
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
    initial: () => ({ turn: null, request: '', version: 0, seed: 0, champion: null, run: null, done: false }),
    decide: () => ({}),
    due({ turn, run, done }: ReportState) {
      if (turn === null || run === null || done) return {};
      return { jobs: [{ id: jobId(turn), kind: 'evaluate', input: run.input, cause: run.completed }] };
    },
    finish(state: ReportState, _job: JobOrder, result: JobResult) {
      const { turn, request, version } = state;
      if (turn === null) return null;
      const report = result.ok ? (result.value as unknown as Report) : failed(state, result.message);
      const data = { turn, request, ...report };
      const shared = { pipelineVersion: version, subject: turn, correlationId: turn };
      return { events: [own({ type: modelEvaluated, data, ...shared })] };
    },
    evolve(state: ReportState, event: Event): ReportState {
      if (turnStarted.is(event)) {
        const { turn, request, seed, champion } = event.data;
        return { turn, request, seed, champion, version: event.pipelineversion, run: null, done: false };
      }
      if (trainingCompleted.is(event)) {
        return { ...state, run: { input: inputOf(state, event), completed: refOf(event) } };
      }
      return modelEvaluated.is(event) || pipelineEnded.is(event) ? { ...state, done: true } : state;
    },
    jobs: { evaluate },
    encode: (state) => state as unknown as Json,
    decode: (body) => body as unknown as ReportState,
  };
}

function inputOf({ version, seed }: ReportState, event: Event<DataOf<typeof trainingCompleted>>): Json {
  const { manifest, dataHash, candidates, winner, champion, turn } = event.data;
  return {
    pipeline: event.pipeline,
    pipelineVersion: version,
    turn,
    seed,
    manifest,
    dataHash,
    champion,
    winner: candidates.find((candidate) => candidate.name === winner) ?? null,
    failure: candidates.map(({ name, failure: why }) => `${name}: ${why ?? 'no validation metric'}`).join('; '),
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
