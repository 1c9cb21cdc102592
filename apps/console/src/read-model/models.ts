import { type Event, modelDeployed, modelPromoted, modelRegistered, modelRolledBack } from '@relearn/contracts';
import type { ModelView, Moment } from './shapes.js';

type KeptModel = Omit<ModelView, 'champion' | 'frozen'>;

/** Versions that the view keeps; the champion and the frozen model are kept whatever their age. */
const modelsKept = 1_000;

/** The alias moved: this model took over. */
export interface Takeover {
  readonly model: number;
  readonly at: Moment;
}

/** Model versions and the alias that names the one that serves. */
export class Models {
  private readonly byNumber = new Map<number, KeptModel>();
  private moves: Takeover[] = [];
  champion: number | null = null;
  frozen: number | null = null;
  registered = 0;
  promotions = 0;
  rollbacks = 0;

  list(): readonly ModelView[] {
    return [...this.byNumber.values()].map((model) => ({
      ...model,
      champion: model.model === this.champion,
      frozen: model.model === this.frozen,
    }));
  }

  /** Promotions and rollbacks in their order, the newest `modelsKept` of them. */
  takeovers(): readonly Takeover[] {
    return this.moves;
  }

  /** True when the event was one of a model version. */
  apply(event: Event, at: Moment): boolean {
    if (modelRegistered.is(event)) {
      const { model, bundle, turn = '', verdict, metrics } = event.data;
      const pipelineVersion = event.pipelineversion;
      this.registered += 1;
      const fresh = {
        model,
        bundle,
        turn,
        pipelineVersion,
        verdict,
        metrics,
        registered: at,
        promoted: null,
        deployed: null,
      };
      this.byNumber.set(model, fresh);
      this.forget();
      return true;
    }
    if (modelPromoted.is(event) || modelRolledBack.is(event)) {
      const { model, frozen } = event.data;
      if (modelPromoted.is(event)) this.promotions += 1;
      else this.rollbacks += 1;
      this.champion = model;
      this.frozen = frozen?.model ?? null;
      this.moves = [...this.moves, { model, at }].slice(-modelsKept);
      this.change(model, { promoted: at });
      return true;
    }
    if (modelDeployed.is(event)) {
      this.change(event.data.model, { deployed: at });
      return true;
    }
    return false;
  }

  private change(model: number, change: Partial<KeptModel>): void {
    const known = this.byNumber.get(model);
    if (known !== undefined) this.byNumber.set(model, { ...known, ...change });
  }

  private forget(): void {
    for (const model of this.byNumber.keys()) {
      if (this.byNumber.size <= modelsKept) return;
      if (model !== this.champion && model !== this.frozen) this.byNumber.delete(model);
    }
  }
}
