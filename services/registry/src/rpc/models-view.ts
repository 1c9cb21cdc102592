import {
  type Event,
  modelPromoted,
  modelRegistered,
  modelRolledBack,
  pipelineEnded,
  type RetrainReason,
  retrainRequested,
  turnStarted,
  type Outcome,
} from '@relearn/contracts';
import { LogView, type Ports } from '@relearn/runtime';

/** A registered model. Times are business times, ISO 8601 UTC. */
export interface ModelRecord {
  readonly model: number;
  readonly pipelineVersion: number;
  /** Empty: registered by hand. */
  readonly turn: string;
  readonly bundle: string;
  readonly verdict: string;
  readonly metrics: Readonly<Record<string, number | null>>;
  readonly registeredAt: string;
  /** The last time that it became champion. */
  readonly promotedAt: string | null;
}

/** A retrain request and, where it became one, its turn. */
export interface TurnRecord {
  readonly request: string;
  readonly reason: RetrainReason;
  readonly requestedAt: string;
  readonly turn: string | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly outcome: Outcome | null;
  readonly detail: string;
  readonly model: number | null;
}

/** Models and turns of a pipeline as the control log tells them, in their order. */
export class PipelineHistory {
  readonly models = new Map<number, ModelRecord>();
  /** By request. */
  readonly turns = new Map<string, TurnRecord>();
  champion: number | null = null;
  frozen: number | null = null;

  apply(event: Event): void {
    const { time } = event;
    if (retrainRequested.is(event)) {
      const { request, reason } = event.data;
      this.turns.set(request, { ...unstarted, request, reason, requestedAt: time });
    } else if (turnStarted.is(event)) {
      this.change(event.data.request, { turn: event.data.turn, startedAt: time });
    } else if (pipelineEnded.is(event)) {
      const { request, outcome, detail } = event.data;
      this.change(request, { endedAt: time, outcome, detail });
    } else if (modelRegistered.is(event)) {
      const { model, turn = '', bundle, verdict, metrics, request } = event.data;
      const facts = { model, turn, bundle, verdict, metrics, pipelineVersion: event.pipelineversion };
      this.models.set(model, { ...facts, registeredAt: time, promotedAt: null });
      if (request !== undefined) this.change(request, { model });
    } else if (modelPromoted.is(event) || modelRolledBack.is(event)) {
      const { model, frozen } = event.data;
      const known = this.models.get(model);
      if (known !== undefined) this.models.set(model, { ...known, promotedAt: time });
      this.champion = model;
      this.frozen = frozen?.model ?? null;
    }
  }

  private change(request: string, change: Partial<TurnRecord>): void {
    const known = this.turns.get(request);
    if (known !== undefined) this.turns.set(request, { ...known, ...change });
  }
}

const unstarted = { turn: null, startedAt: null, endedAt: null, outcome: null, detail: '', model: null };

/** What the control log says of every pipeline's models and turns; answers when it has read all that is there. */
export class ModelsView {
  private readonly ports: Ports;
  private readonly histories = new Map<string, PipelineHistory>();
  private readonly log: LogView;

  constructor(ports: Ports) {
    this.ports = ports;
    this.log = new LogView(ports, {
      topic: 'control',
      types: [retrainRequested, turnStarted, pipelineEnded, modelRegistered, modelPromoted, modelRolledBack],
      apply: (event) => this.historyOf(event.pipeline).apply(event),
    });
  }

  async of(pipeline: string): Promise<PipelineHistory> {
    await this.log.current([this.ports.catalog.controlPartition(pipeline)]);
    return this.historyOf(pipeline);
  }

  private historyOf(pipeline: string): PipelineHistory {
    const history = this.histories.get(pipeline) ?? new PipelineHistory();
    this.histories.set(pipeline, history);
    return history;
  }
}
