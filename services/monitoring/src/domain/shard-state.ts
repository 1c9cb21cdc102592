import {
  type Arm,
  clockStream,
  type DataOf,
  labelStream,
  type PipelineSpec,
  type predictionLogged,
  type RecordBatch,
  type RecordRef,
  recordsOf,
  rowStream,
  type windowProfiled,
} from '@relearn/contracts';
import { labelNumber } from '@relearn/features';
import { type Answer, lossDifference } from '@relearn/stats';
import { answerIn } from './answer.js';
import { Boundaries, type SavedBoundaries } from './boundaries.js';
import { type ArmName, type ProfileOf, type SavedWindow, WindowState } from './window-state.js';

type Profiled = DataOf<typeof windowProfiled>;

/** A prediction that waits for its label. */
interface Waiting {
  readonly time: number;
  readonly arms: readonly { readonly arm: ArmName; readonly model: number; readonly prediction: Answer }[];
}

/** A label that came before the prediction it belongs to, with the watermark at which it came. */
interface EarlyLabel {
  readonly value: number;
  readonly time: number;
  readonly watermark: number;
}

export interface SavedShard {
  readonly width: number;
  readonly predictionsWatermark: number | null;
  readonly labelledTotal: number;
  readonly boundaries: SavedBoundaries;
  readonly windows: readonly SavedWindow[];
  readonly waiting: readonly [string, Waiting][];
  readonly early: readonly [string, EarlyLabel][];
  readonly nextInputs: number | null;
  readonly nextOutcomes: number | null;
}

/** Windows that a silent stretch may leave empty before it is skipped in one step. */
const longestSilence = 400;

/**
 * One pipeline's windows in one shard. Rows and labels come by one topic, predictions by another; a window is complete
 * when both have passed it, and what it contains depends on event times and on each topic's own order alone.
 */
export class ShardState {
  private readonly spec: PipelineSpec;
  private readonly width: number;
  private readonly windows = new Map<number, WindowState>();
  private readonly waiting: Map<string, Waiting>;
  private readonly early: Map<string, EarlyLabel>;
  private readonly boundaries: Boundaries;
  private predictionsWatermark: number;
  private labelledTotal: number;
  private nextInputs: number | null;
  private nextOutcomes: number | null;

  constructor(spec: PipelineSpec, saved?: SavedShard, profileOf?: ProfileOf) {
    this.spec = spec;
    this.width = saved?.width ?? spec.monitor.window;
    this.boundaries = new Boundaries(this.width, spec.label.max_delay, saved?.boundaries);
    this.predictionsWatermark = saved?.predictionsWatermark ?? Number.NEGATIVE_INFINITY;
    this.labelledTotal = saved?.labelledTotal ?? 0;
    this.waiting = new Map(saved?.waiting);
    this.early = new Map(saved?.early);
    this.nextInputs = saved?.nextInputs ?? null;
    this.nextOutcomes = saved?.nextOutcomes ?? null;
    for (const window of saved?.windows ?? []) {
      this.windows.set(window.start, new WindowState(spec, window.start, window, profileOf));
    }
  }

  save(): SavedShard {
    return {
      width: this.width,
      predictionsWatermark: Number.isFinite(this.predictionsWatermark) ? this.predictionsWatermark : null,
      labelledTotal: this.labelledTotal,
      boundaries: this.boundaries.save(),
      windows: [...this.windows.values()].map((window) => window.save()),
      waiting: [...this.waiting],
      early: [...this.early],
      nextInputs: this.nextInputs,
      nextOutcomes: this.nextOutcomes,
    };
  }

  /** Valid rows and labels, records from `from` on; `addresses` are theirs in `data.valid`. */
  takeRecords(batch: RecordBatch, addresses: readonly number[], from: number, profileOf: ProfileOf): void {
    for (const record of recordsOf(batch)) {
      if (record.index < from) continue;
      const watermark = this.boundaries.watermark;
      if (record.stream === rowStream) this.takeRow(record.time, watermark);
      else if (record.stream === labelStream) this.takeLabel(record, watermark, profileOf);
      else if (record.stream === clockStream) this.begin(record.time);
      this.boundaries.pass(record.time - this.spec.source.lateness, addresses[record.index] ?? 0, this.labelledTotal);
    }
  }

  /** Logged predictions, rows from `from` on. */
  takePredictions(data: DataOf<typeof predictionLogged>, from: number, profileOf: ProfileOf): void {
    const champion = data.arms.find((arm) => arm.arm === 'champion');
    // A failed request is no prediction, and a mirrored one has been taken with its answer.
    if (data.request?.failure !== undefined || data.kind === 'mirror') return;
    for (let row = from; row < data.times.length; row++) {
      const time = data.times[row] ?? 0;
      if (data.kind === 'stream' && this.endOf(time) <= this.predictionsWatermark) continue;
      if (champion !== undefined) {
        this.windowOf(time)?.countInputs(champion.model, profileOf(champion.model), data.inputs, row);
      }
      const id = data.ids[row];
      // Of one row's predictions the stream's is measured: it has the frozen arm beside it.
      if (id === null || id === undefined || (data.kind === 'request' && this.waiting.has(id))) continue;
      this.join(id, { time, arms: data.arms.map((arm) => armOf(arm, row)) }, profileOf);
    }
    if (data.watermark !== null) this.predictionsWatermark = Math.max(this.predictionsWatermark, data.watermark);
  }

  /** Windows that are complete now, in order. Called after each event. */
  close(shard: number): Profiled[] {
    const passed = Math.min(this.boundaries.watermark, this.predictionsWatermark);
    const closed: Profiled[] = [];
    while (this.nextInputs !== null && this.nextInputs + this.width <= passed) {
      closed.push(this.profile('inputs', this.nextInputs, shard));
      this.nextInputs = this.following(this.nextInputs, passed);
    }
    const due = passed - this.spec.label.max_delay;
    while (this.nextOutcomes !== null && this.nextOutcomes + this.width <= due) {
      closed.push(this.profile('outcomes', this.nextOutcomes, shard));
      this.windows.delete(this.nextOutcomes);
      this.nextOutcomes = this.following(this.nextOutcomes, due);
    }
    if (closed.length > 0) this.prune(due, passed);
    return closed;
  }

  /** The window after this one; a long silence is skipped up to the window that is open. */
  private following(start: number, passed: number): number {
    const next = start + this.width;
    const open = Math.floor(passed / this.width) * this.width;
    const first = [...this.windows.keys()].filter((key) => key >= next).sort((a, b) => a - b)[0] ?? open;
    return (first - next) / this.width > longestSilence ? first : next;
  }

  private profile(part: 'inputs' | 'outcomes', start: number, shard: number): Profiled {
    const window = this.windows.get(start) ?? new WindowState(this.spec, start);
    const end = start + this.width;
    const at = this.boundaries.at(part === 'inputs' ? end : end + this.spec.label.max_delay);
    return { start, end, part, shard, ...window.profile(part), labelledTotal: at.labelled, read: at.read };
  }

  private prune(due: number, passed: number): void {
    for (const [id, { time }] of this.waiting)
      if (Math.floor(time / this.width) * this.width + this.width <= due) this.waiting.delete(id);
    for (const [id, { time }] of this.early) if (time <= passed) this.early.delete(id);
    this.boundaries.forget(due);
  }

  /** The end of the time's window. What comes once its topic's watermark has passed that is late, and not counted. */
  private endOf(time: number): number {
    return Math.floor(time / this.width) * this.width + this.width;
  }

  private windowOf(time: number): WindowState | undefined {
    const start = this.begin(time);
    if (this.nextOutcomes !== null && start < this.nextOutcomes) return undefined;
    const found = this.windows.get(start);
    if (found !== undefined) return found;
    const made = new WindowState(this.spec, start);
    this.windows.set(start, made);
    return made;
  }

  /** The time's window; the shard's first one where it has none: a shard without rows has windows too, all empty. */
  private begin(time: number): number {
    const start = Math.floor(time / this.width) * this.width;
    this.nextInputs ??= start;
    this.nextOutcomes ??= start;
    return start;
  }

  private takeRow(time: number, watermark: number): void {
    if (this.endOf(time) <= watermark) return;
    const window = this.windowOf(time);
    if (window !== undefined) window.rows += 1;
  }

  private takeLabel(record: RecordRef, watermark: number, profileOf: ProfileOf): void {
    const { columns } = record.section;
    const raw = columns['value']?.[record.row] ?? null;
    const value = labelNumber(this.spec, typeof raw === 'boolean' ? Number(raw) : raw);
    const id = columns['event_id']?.[record.row];
    if (value === null || typeof id !== 'string') return;
    this.labelledTotal += 1;
    const waiting = this.waiting.get(id);
    if (waiting === undefined) {
      this.early.set(id, { value, time: record.time, watermark });
      return;
    }
    this.waiting.delete(id);
    this.score(waiting, value, watermark, profileOf);
  }

  private join(id: string, waiting: Waiting, profileOf: ProfileOf): void {
    const label = this.early.get(id);
    if (label === undefined) {
      this.waiting.set(id, waiting);
      return;
    }
    this.early.delete(id);
    this.score(waiting, label.value, label.watermark, profileOf);
  }

  /** A label counts in its row's window if it came before the window's outcomes were due. */
  private score(waiting: Waiting, truth: number, watermark: number, profileOf: ProfileOf): void {
    const start = Math.floor(waiting.time / this.width) * this.width;
    if (watermark >= start + this.width + this.spec.label.max_delay) return;
    const window = this.windowOf(waiting.time);
    if (window === undefined) return;
    window.labelled += 1;
    for (const { arm, model, prediction } of waiting.arms)
      window.countOutcome(arm, model, profileOf(model), truth, prediction);
    const [champion, challenger] = (['champion', 'challenger'] as const).map((name) =>
      waiting.arms.find(({ arm }) => arm === name),
    );
    if (champion === undefined || challenger === undefined) return;
    const isClass = this.spec.train.task !== 'regression';
    const difference = lossDifference(isClass, truth, challenger.prediction, champion.prediction);
    window.countLoss(challenger.model, difference);
  }
}

/** The prediction of one row; an answer that was asked for in part counts as none. */
function armOf({ arm, model, outputs }: Arm, row: number): Waiting['arms'][number] {
  return { arm, model, prediction: answerIn(outputs, row) ?? Number.NaN };
}
