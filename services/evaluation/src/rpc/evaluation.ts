import { type DataOf, type Event, type Gate, modelEvaluated, modelRegistered } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import { numbersOf, serviceOf, type Unary } from '@relearn/rpc';
import { LogView, type Ports } from '@relearn/runtime';

/** The messages of `relearn/v1/evaluation.proto`; what each field means is said there. */
export interface GetReportRequest {
  readonly pipeline: string;
  readonly turn?: string;
  readonly model?: number;
}

export interface ReportMessage {
  readonly turn: string;
  readonly model: number;
  readonly verdict: string;
  readonly gates: readonly Gate[];
  readonly metrics: Readonly<Record<string, number>>;
  readonly championMetrics: Readonly<Record<string, number>>;
  readonly rows: number;
  readonly bundle: string;
  readonly champion: string;
  readonly evaluatedAt: string;
}

export interface EvaluationHandlers {
  getReport: Unary<GetReportRequest, ReportMessage>;
}

export const evaluationService = serviceOf<EvaluationHandlers>('relearn/v1/evaluation.proto', 'relearn.v1.Evaluation');

type Evaluated = Event<DataOf<typeof modelEvaluated>>;

/** A pipeline's gate records by turn, and the models that turns registered. */
interface Records {
  readonly evaluated: Map<string, Evaluated>;
  readonly modelOf: Map<string, number>;
  readonly turnOf: Map<number, string>;
}

/** Answers from `model.evaluated`, which says what evaluation.json does, and is there for a run without a model too. */
export function evaluationHandlers(ports: Ports): EvaluationHandlers {
  const byPipeline = new Map<string, Records>();
  const recordsOf = (pipeline: string): Records => {
    const records = byPipeline.get(pipeline) ?? { evaluated: new Map(), modelOf: new Map(), turnOf: new Map() };
    byPipeline.set(pipeline, records);
    return records;
  };
  const log = new LogView(ports, {
    topic: 'control',
    types: [modelEvaluated, modelRegistered],
    apply: (event) => take(recordsOf(event.pipeline), event),
  });
  return {
    async getReport({ pipeline, turn, model }) {
      if (ports.catalog.latest(pipeline) === undefined) {
        throw new RelearnError('NOT_FOUND', `no pipeline '${pipeline}'`);
      }
      if (turn === undefined && model === undefined) {
        throw new RelearnError('INVALID_INPUT', 'name a turn or a model', { place: { field: 'subject' } });
      }
      await log.current([ports.catalog.controlPartition(pipeline)]);
      const records = recordsOf(pipeline);
      const wanted = turn ?? records.turnOf.get(model ?? 0);
      const report = wanted === undefined ? undefined : records.evaluated.get(wanted);
      if (report === undefined) {
        const what = turn === undefined ? `model ${model ?? 0}` : `evaluated turn '${turn}'`;
        throw new RelearnError('NOT_FOUND', `pipeline '${pipeline}' has no ${what}`);
      }
      return reportMessage(report, records);
    },
  };
}

function take({ evaluated, modelOf, turnOf }: Records, event: Event): void {
  if (modelEvaluated.is(event)) evaluated.set(event.data.turn, event);
  if (!modelRegistered.is(event)) return;
  const { turn, model } = event.data;
  if (turn === undefined) return;
  modelOf.set(turn, model);
  turnOf.set(model, turn);
}

function reportMessage({ data, time }: Evaluated, { modelOf }: Records): ReportMessage {
  const { turn, verdict, gates, metrics, championMetrics, rows, bundle, champion } = data;
  return {
    turn,
    model: modelOf.get(turn) ?? 0,
    verdict,
    gates,
    metrics: numbersOf(metrics),
    championMetrics: numbersOf(championMetrics ?? {}),
    rows,
    bundle: bundle ?? '',
    champion: champion ?? '',
    evaluatedAt: time,
  };
}
