import type { Arm, Columns, PipelineSpec, windowProfiled, DataOf } from '@relearn/contracts';
import {
  type Answer,
  ColumnCounter,
  emptyPerformance,
  type LossCounts,
  PairedLosses,
  type PerformanceCounter,
  type PerformanceCounts,
  performanceCounter,
  type ReferenceProfile,
  type WindowCounts,
} from '@relearn/stats';

export type ArmName = Arm['arm'];

interface SavedModel {
  readonly arm: ArmName;
  readonly model: number;
  readonly counts: Record<string, WindowCounts> | null;
  readonly scores: PerformanceCounts;
}

export interface SavedWindow {
  readonly start: number;
  readonly rows: number;
  readonly predictions: number;
  readonly labelled: number;
  readonly models: readonly SavedModel[];
  /** By challenger; absent: none was tried. */
  readonly losses?: readonly (readonly [model: number, counts: LossCounts])[];
}

class ModelWindow {
  readonly arm: ArmName;
  readonly model: number;
  readonly scores: PerformanceCounter;
  private readonly counters: Map<string, ColumnCounter> | null;

  constructor(spec: PipelineSpec, arm: ArmName, model: number, profile: ReferenceProfile | null, saved?: SavedModel) {
    this.arm = arm;
    this.model = model;
    this.scores = performanceCounter(saved?.scores ?? emptyPerformance(spec.train.task, spec.label.classes.length));
    this.counters =
      profile === null
        ? null
        : new Map(
            Object.entries(profile.columns).map(([name, reference]) => [
              name,
              new ColumnCounter(reference, saved?.counts?.[name]),
            ]),
          );
  }

  count(inputs: Columns, row: number): void {
    if (this.counters === null) return;
    for (const [name, counter] of this.counters) counter.add(inputs[name]?.[row] ?? null);
  }

  save(): SavedModel {
    const counts =
      this.counters === null ? null : Object.fromEntries([...this.counters].map(([name, c]) => [name, c.snapshot()]));
    return { arm: this.arm, model: this.model, counts, scores: this.scores.snapshot() };
  }
}

/** The edges on which a model's inputs are counted; null for the frozen arm, which drift never looks at. */
export type ProfileOf = (model: number) => ReferenceProfile | null;

/** What one window of one shard has seen so far. */
export class WindowState {
  readonly start: number;
  rows: number;
  predictions: number;
  labelled: number;
  private readonly models = new Map<string, ModelWindow>();
  private readonly losses = new Map<number, PairedLosses>();
  private readonly spec: PipelineSpec;

  constructor(spec: PipelineSpec, start: number, saved?: SavedWindow, profileOf?: ProfileOf) {
    this.spec = spec;
    this.start = start;
    this.rows = saved?.rows ?? 0;
    this.predictions = saved?.predictions ?? 0;
    this.labelled = saved?.labelled ?? 0;
    for (const [model, counts] of saved?.losses ?? []) this.losses.set(model, new PairedLosses(counts));
    for (const model of saved?.models ?? []) {
      const profile = model.counts === null ? null : (profileOf?.(model.model) ?? null);
      this.models.set(`${model.arm}/${model.model}`, new ModelWindow(spec, model.arm, model.model, profile, model));
    }
  }

  countInputs(model: number, profile: ReferenceProfile | null, inputs: Columns, row: number): void {
    this.predictions += 1;
    this.modelOf('champion', model, profile).count(inputs, row);
  }

  /** `prediction`: one number, or one probability a class. */
  countOutcome(arm: ArmName, model: number, profile: ReferenceProfile | null, truth: number, prediction: Answer): void {
    const { scores } = this.modelOf(arm, model, arm === 'champion' ? profile : null);
    if (scores.task === 'multiclass')
      scores.add(truth, typeof prediction === 'number' ? [prediction] : [...prediction]);
    else if (typeof prediction === 'number') scores.add(truth, prediction);
  }

  /** How much worse the challenger said a labelled row than the champion. */
  countLoss(challenger: number, difference: number): void {
    const losses = this.losses.get(challenger) ?? new PairedLosses();
    this.losses.set(challenger, losses);
    losses.add(difference);
  }

  save(): SavedWindow {
    const { start, rows, predictions, labelled } = this;
    const losses = [...this.losses].map(([model, paired]) => [model, paired.snapshot()] as const);
    const more = losses.length === 0 ? {} : { losses };
    return { start, rows, predictions, labelled, models: this.saved(), ...more };
  }

  /**
   * What `window.profiled` says of the models: counts of their inputs, or their realised performance. Labels may join
   * before or after the inputs close, so nothing that they change is said with the inputs.
   */
  profile(
    part: 'inputs' | 'outcomes',
  ): Pick<DataOf<typeof windowProfiled>, 'rows' | 'predictions' | 'labelled' | 'models' | 'losses'> {
    const { rows, predictions, labelled } = this;
    const models = this.saved();
    if (part === 'outcomes') {
      const said = models.map(({ arm, model, scores }) => ({ arm, model, scores }));
      return { rows, predictions, labelled, models: said, ...this.latestLosses() };
    }
    const counted = models.filter(({ arm }) => arm === 'champion');
    return {
      rows,
      predictions,
      labelled: 0,
      models: counted.map(({ arm, model, counts }) => ({ arm, model, ...(counts === null ? {} : { counts }) })),
    };
  }

  /** Of the latest challenger: one that came before has its verdict. */
  private latestLosses(): Pick<DataOf<typeof windowProfiled>, 'losses'> {
    const model = Math.max(...this.losses.keys());
    const counts = this.losses.get(model)?.snapshot();
    return counts === undefined ? {} : { losses: { model, counts } };
  }

  private saved(): SavedModel[] {
    return [...this.models.values()]
      .map((model) => model.save())
      .sort((a, b) => a.model - b.model || (a.arm < b.arm ? -1 : 1));
  }

  private modelOf(arm: ArmName, model: number, profile: ReferenceProfile | null): ModelWindow {
    const key = `${arm}/${model}`;
    const found = this.models.get(key);
    if (found !== undefined) return found;
    const made = new ModelWindow(this.spec, arm, model, profile);
    this.models.set(key, made);
    return made;
  }
}
