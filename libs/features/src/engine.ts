import {
  type Cell,
  clockStream,
  labelStream,
  type PipelineSpec,
  type RecordBatch,
  rowStream,
  type Section,
} from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import { checkSlice } from './batch.js';
import { checkFeatures } from './check-features.js';
import { featureColumns, featureSetHash } from './feature-set.js';
import { labelColumns, labelNormalizer, windowLabelOf } from './label.js';
import { CellReader, keyOf } from './plan/cell-reader.js';
import type { Frame } from './plan/frame.js';
import { type FeaturePlan, planFeatures } from './plan/plan.js';
import { StateReader, StateWriter } from './state/bytes.js';
import { ContextTable } from './state/context-table.js';
import { KeyTable } from './state/key-table.js';
import { PendingRows } from './state/pending-rows.js';
import { categoryOf } from './values.js';

export interface LabelRecord {
  eventId: string;
  /** 0 or 1 for a boolean; null when the label says that there is none. */
  value: number | string | null;
  /** When the label became known, ms. */
  time: number;
  at: number;
  /** No window took it: its row is unknown, already labelled, or longer ago than `label.max_delay`. */
  late: boolean;
}

export interface FeatureRows {
  ids: string[];
  times: number[];
  /** Address of the input record of each row. */
  at: number[];
  /** By feature name, in the order of the pipeline file; numbers are finite, categories are texts. */
  columns: Record<string, Cell[]>;
  /** The labels among the records, for the offline log. */
  labels: LabelRecord[];
}

/**
 * Computes the features of one shard's records, which come in the order in which they became known. A row sees what
 * came before it and never itself; which of that lies in a window is a matter of event times alone: [time - window,
 * time], both inclusive, and for labels the time at which they became known.
 *
 * The watermark is the greatest time of any record less the pipeline's lateness. What lies further back from it than
 * a window reaches is forgotten; a late row (below the watermark) is computed from what is left. Kept are: the
 * entries of each window; for each lag the newest `lag` rows of every key (for ever); for each join the newest record
 * of a key (until `max_age`); both of these also for all after the watermark; and rows without a label until
 * `label.max_delay`. Memory is cleared in sweeps, at most twice as seldom as it fills; results do not depend on when.
 */
export interface FeatureEngine {
  /**
   * Takes the records [from, to) of a batch (default: all). `addresses[i]` is the input address of record i.
   * Throws INVALID_EVENT for a malformed batch before anything has changed.
   */
  apply(batch: RecordBatch, addresses: readonly number[], from?: number, to?: number): FeatureRows;
  /** Milliseconds; -Infinity before the first record. */
  watermark(): number;
  /** The state as bytes: equal states give equal bytes, however they came about. */
  save(): Uint8Array;
  /**
   * What a row with these columns would get at the watermark, by feature name: windows, lags and joins. Features of
   * the row alone are null, and so are those whose key is not among the columns.
   */
  online(keys: Record<string, Cell>): Record<string, Cell>;
  /** Rows below the watermark so far. */
  readonly lateRows: number;
}

/**
 * An engine for the pipeline's features, empty or with a saved state. Throws INVALID_PIPELINE for the first of
 * `checkFeatures`' findings, REFUSED for a state of another feature set, CORRUPT for a damaged one.
 */
export function createFeatureEngine(spec: PipelineSpec, saved?: Uint8Array): FeatureEngine {
  const [wrong] = checkFeatures(spec);
  if (wrong !== undefined) {
    throw new RelearnError('INVALID_PIPELINE', wrong.message, {
      place: { field: wrong.path.join('.') },
      ...(wrong.remedy === undefined ? {} : { remedy: wrong.remedy }),
    });
  }
  return new Engine(spec, saved);
}

const minimumSweep = 4096;

class Engine implements FeatureEngine {
  lateRows = 0;
  private latest = Number.NEGATIVE_INFINITY;
  private sinceSweep = 0;
  private readonly lateness: number;
  private readonly hash: string;
  private readonly plan: FeaturePlan;
  private readonly features: readonly { name: string }[];
  private readonly rowReader: CellReader;
  private readonly contextReaders: ReadonlyMap<string, CellReader>;
  private readonly tables: readonly KeyTable[];
  private readonly labelTables: readonly number[];
  private readonly contexts: readonly ContextTable[];
  private readonly pending: PendingRows;
  private readonly frame: Frame;
  private readonly normalize: ReturnType<typeof labelNormalizer>;
  private readonly windowLabel: ReturnType<typeof windowLabelOf>;
  private readonly rowOnly: readonly boolean[];

  constructor(spec: PipelineSpec, saved?: Uint8Array) {
    this.plan = planFeatures(spec);
    this.hash = featureSetHash(spec);
    this.lateness = spec.source.lateness;
    this.features = featureColumns(spec);
    this.rowOnly = spec.features.map((feature) => !('aggregate' in feature || 'lag' in feature || 'join' in feature));
    this.rowReader = new CellReader(this.plan.columns);
    const { contextColumns } = this.plan;
    this.contextReaders = new Map([...contextColumns].map(([stream, columns]) => [stream, new CellReader(columns)]));
    this.tables = this.plan.tables.map((plan) => new KeyTable(plan));
    this.labelTables = this.tables.flatMap((table, index) => (table.keepsLabels ? [index] : []));
    this.contexts = this.plan.joins.map((plan) => new ContextTable(plan));
    this.pending = new PendingRows(spec.label.max_delay);
    this.normalize = labelNormalizer(spec);
    this.windowLabel = windowLabelOf(spec);
    this.frame = { cells: this.rowReader.cells, time: 0, watermark: 0, keys: [], states: [], contexts: [] };
    if (saved !== undefined) this.load(saved);
  }

  watermark(): number {
    return this.latest - this.lateness;
  }

  apply(batch: RecordBatch, addresses: readonly number[], from = 0, to = batch.order.length): FeatureRows {
    const next = checkSlice(batch, addresses, from, to);
    const columns = this.features.map((): Cell[] => []);
    const rows: FeatureRows = { ids: [], times: [], at: [], columns: {}, labels: [] };
    for (let index = from; index < to; index++) {
      const which = batch.order[index] ?? 0;
      const row = next[which] ?? 0;
      const section = batch.sections[which];
      next[which] = row + 1;
      if (section !== undefined) this.record(section, row, addresses[index] ?? 0, rows, columns);
    }
    this.features.forEach(({ name }, index) => {
      rows.columns[name] = columns[index] ?? [];
    });
    return rows;
  }

  online(keys: Record<string, Cell>): Record<string, Cell> {
    this.rowReader.readObject(keys);
    this.fillFrame(this.watermark());
    const values: Record<string, Cell> = {};
    this.features.forEach(({ name }, index) => {
      values[name] = this.rowOnly[index] === true ? null : (this.plan.readers[index]?.(this.frame) ?? null);
    });
    return values;
  }

  save(): Uint8Array {
    this.sweep();
    const writer = new StateWriter();
    writer.text(this.hash);
    writer.number(this.latest);
    writer.number(this.lateRows);
    for (const part of [...this.tables, ...this.contexts, this.pending]) part.save(writer);
    return writer.bytes();
  }

  private load(saved: Uint8Array): void {
    const reader = new StateReader(saved);
    const hash = reader.text();
    if (hash !== this.hash) {
      throw new RelearnError('REFUSED', `the saved state is of feature set ${hash}, not of ${this.hash}`, {
        remedy: 'Compute the features of a changed feature set from the first record on.',
      });
    }
    this.latest = reader.number();
    this.lateRows = reader.number();
    for (const part of [...this.tables, ...this.contexts]) part.load(reader);
    this.pending.load(reader, this.labelTables.length);
    reader.end();
  }

  private record(section: Section, row: number, at: number, rows: FeatureRows, columns: readonly Cell[][]): void {
    const time = section.times[row] ?? 0;
    if (time > this.latest) this.latest = time;
    this.sinceSweep += 1;
    if (section.stream === rowStream) {
      const id = section.ids[row] ?? '';
      rows.ids.push(id);
      rows.times.push(time);
      rows.at.push(at);
      this.row(section, row, id, time, columns);
    } else if (section.stream === labelStream) {
      rows.labels.push(this.label(section, row, time, at));
    } else if (section.stream !== clockStream) {
      this.context(section, row, time);
    }
    if (this.sinceSweep >= minimumSweep && this.sinceSweep >= this.kept()) this.sweep();
  }

  private row(section: Section, row: number, id: string, time: number, columns: readonly Cell[][]): void {
    const { frame, tables, labelTables } = this;
    const { readers } = this.plan;
    const cells = this.rowReader.read(section, row);
    this.fillFrame(time);
    if (time < frame.watermark) this.lateRows += 1;
    for (let index = 0; index < readers.length; index++) columns[index]?.push(readers[index]?.(frame) ?? null);
    for (let index = 0; index < tables.length; index++) {
      const key = frame.keys[index] ?? null;
      const table = tables[index];
      if (key !== null && table?.keepsRows === true) table.insertRow(key, time, cells, frame.watermark);
    }
    this.pending.add(id, { time, keys: labelTables.map((index) => frame.keys[index] ?? null) });
  }

  /** Finds what is kept for the row whose cells have been read, and moves its windows to `time`. */
  private fillFrame(time: number): void {
    const { frame, tables, contexts } = this;
    const { cells } = frame;
    const watermark = this.watermark();
    frame.time = time;
    frame.watermark = watermark;
    for (let index = 0; index < tables.length; index++) {
      const table = tables[index];
      if (table === undefined) continue;
      const key = keyOf(cells, table.plan.slots);
      const state = key === null ? undefined : table.get(key);
      frame.keys[index] = key;
      frame.states[index] = state;
      if (state !== undefined) for (const series of state.series) series.position(time, watermark);
    }
    for (let index = 0; index < contexts.length; index++) frame.contexts[index] = contexts[index]?.get(cells);
  }

  private label(section: Section, row: number, time: number, at: number): LabelRecord {
    const eventId = String(section.columns[labelColumns.event]?.[row] ?? '');
    const value = this.normalize(section.columns[labelColumns.value]?.[row]);
    const watermark = this.watermark();
    const pending = this.pending.find(eventId, time, watermark);
    if (pending !== undefined && value !== null) {
      this.pending.remove(eventId);
      const forms = { number: this.windowLabel(value), text: categoryOf(value) };
      this.labelTables.forEach((table, index) => {
        const key = pending.keys[index] ?? null;
        if (key !== null) this.tables[table]?.insertLabel(key, time, forms, watermark);
      });
    }
    return { eventId, value, time, at, late: pending === undefined };
  }

  private context(section: Section, row: number, time: number): void {
    const reader = this.contextReaders.get(section.stream);
    if (reader === undefined) return;
    const cells = reader.read(section, row);
    const watermark = this.watermark();
    for (const table of this.contexts) {
      if (table.plan.stream === section.stream) table.insert(time, cells, watermark);
    }
  }

  private kept(): number {
    let total = this.pending.size;
    for (const part of this.tables) total += part.size;
    for (const part of this.contexts) total += part.size;
    return total;
  }

  private sweep(): void {
    this.sinceSweep = 0;
    const watermark = this.watermark();
    for (const part of [...this.tables, ...this.contexts, this.pending]) part.sweep(watermark);
  }
}
