import {
  type DataOf,
  datasetSnapshotted,
  type Event,
  modelEvaluated,
  modelRegistered,
  modelTrained,
  pipelineEnded,
  retrainRequested,
  rolloutStarted,
  trainingCompleted,
  trainingStarted,
  turnStarted,
} from '@relearn/contracts';
import type { Moment, TurnStage, TurnView } from './shapes.js';

/** Requests that the view keeps: far more than a budget of turns makes in years. */
const turnsKept = 1_000;

/** Requests and their turns, the newest last. */
export class Turns {
  private readonly byRequest = new Map<string, TurnView>();
  /** Runs that ended. */
  training = 0;
  candidates = 0;
  readonly verdicts = { passed: 0, rejected: 0, inconclusive: 0 };

  list(): readonly TurnView[] {
    return [...this.byRequest.values()];
  }

  /** The turn that runs, and the stage it has reached last. */
  running(): { readonly turn: TurnView; readonly id: string; readonly stage: TurnStage } | null {
    const turn = this.list().findLast((one) => one.turn !== null && one.outcome === null);
    return turn === undefined || turn.turn === null ? null : { turn, id: turn.turn, stage: lastStage(turn) };
  }

  /** True when the event was one of a turn. */
  apply(event: Event, at: Moment): boolean {
    if (retrainRequested.is(event)) return this.requested(event, at);
    if (turnStarted.is(event)) return this.change(event.data, 'started', at, { turn: event.data.turn });
    if (datasetSnapshotted.is(event)) {
      const { rows, labelled, from, to } = event.data;
      return this.change(event.data, 'snapshotted', at, { snapshot: { rows, labelled, from, to } });
    }
    if (trainingStarted.is(event)) return this.change(event.data, 'training', at, {});
    if (modelTrained.is(event)) return this.trained(event.data);
    if (trainingCompleted.is(event)) {
      this.training += 1;
      return this.change(event.data, 'trained', at, { winner: event.data.winner });
    }
    if (modelEvaluated.is(event)) {
      const { verdict, gates, metrics, championMetrics, rows } = event.data;
      this.verdicts[verdict] += 1;
      return this.change(event.data, 'evaluated', at, { verdict, gates, metrics, championMetrics, holdOutRows: rows });
    }
    if (rolloutStarted.is(event)) return this.change(event.data, 'tried', at, {});
    if (modelRegistered.is(event)) {
      const { request, model } = event.data;
      return request !== undefined && this.change({ request }, null, at, { model });
    }
    if (pipelineEnded.is(event)) {
      const { outcome, detail } = event.data;
      return this.change(event.data, 'ended', at, { outcome, detail });
    }
    return false;
  }

  private requested(event: Event<DataOf<typeof retrainRequested>>, at: Moment): boolean {
    const { request, reason, causes, labelled } = event.data;
    this.byRequest.set(request, {
      request,
      turn: null,
      reason,
      actor: event.actor ?? null,
      causes,
      labelled,
      pipelineVersion: event.pipelineversion,
      stages: { requested: at },
      snapshot: null,
      candidates: [],
      winner: null,
      verdict: null,
      gates: [],
      metrics: {},
      championMetrics: null,
      holdOutRows: 0,
      model: null,
      outcome: null,
      detail: '',
    });
    const [oldest] = this.byRequest.keys();
    if (this.byRequest.size > turnsKept && oldest !== undefined) this.byRequest.delete(oldest);
    return true;
  }

  private trained({ request, candidate }: DataOf<typeof modelTrained>): boolean {
    const turn = this.byRequest.get(request);
    this.candidates += 1;
    if (turn === undefined) return true;
    const { name, trainer, metrics, failure } = candidate;
    this.byRequest.set(request, { ...turn, candidates: [...turn.candidates, { name, trainer, metrics, failure }] });
    return true;
  }

  private change(
    { request }: { request: string },
    stage: TurnStage | null,
    at: Moment,
    change: Partial<TurnView>,
  ): boolean {
    const turn = this.byRequest.get(request);
    if (turn === undefined) return true;
    const stages = stage === null ? turn.stages : { ...turn.stages, [stage]: at };
    this.byRequest.set(request, { ...turn, ...change, stages });
    return true;
  }
}

function lastStage({ stages }: TurnView): TurnStage {
  if (stages.tried !== undefined) return 'tried';
  if (stages.evaluated !== undefined) return 'evaluated';
  if (stages.trained !== undefined) return 'trained';
  if (stages.training !== undefined) return 'training';
  if (stages.snapshotted !== undefined) return 'snapshotted';
  return stages.started === undefined ? 'requested' : 'started';
}
