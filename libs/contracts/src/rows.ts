import { RelearnError } from '@relearn/kernel';
import { type Static, Type } from './schema/type.js';

export const Cell = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]);
export type Cell = Static<typeof Cell>;
/** Column name to one value a row; all arrays have the same length. */
export const Columns = Type.Record(Type.String(), Type.Array(Cell));
export type Columns = Static<typeof Columns>;

export const rowStream = 'rows';
export const labelStream = 'labels';
/** Records of this stream carry a time and nothing else: they advance a silent shard's watermark. */
export const clockStream = '$clock';

export const maxBatchRows = 1000;
/** Room for the row's index in an address: a power of two above `maxBatchRows`. */
const addressStride = 1024;

/**
 * Where a row stands in its partition: the event's position and the row's index in it, as one number that grows
 * in the partition's order.
 */
export type RowAddress = number;

export function rowAddress(position: number, index: number): RowAddress {
  return position * addressStride + index;
}

export function positionOf(address: RowAddress): number {
  return Math.floor(address / addressStride);
}

/** Records of one stream in a batch. Times are milliseconds since 1970 UTC. */
export const Section = Type.Object(
  {
    stream: Type.String(),
    ids: Type.Array(Type.String()),
    /** Event time of each record. */
    times: Type.Array(Type.Number()),
    columns: Columns,
  },
  { additionalProperties: false },
);
export type Section = Static<typeof Section>;

/**
 * Up to 1,000 records of several streams in one total order: `order[i]` is the index in `sections` of record i, whose
 * values are the next unread ones of that section. `at[i]`, where present, is the address of the input record it was made from.
 */
export const RecordBatch = Type.Object(
  { order: Type.Array(Type.Integer()), sections: Type.Array(Section), at: Type.Optional(Type.Array(Type.Number())) },
  { additionalProperties: false },
);
export type RecordBatch = Static<typeof RecordBatch>;

/** One record of a batch, for code that goes through them in order. */
export interface RecordRef {
  readonly stream: string;
  readonly id: string;
  readonly time: number;
  /** Where the values stand: `section.columns[name][row]`. */
  readonly section: Section;
  readonly row: number;
  /** Index of the record in the batch. */
  readonly index: number;
}

/** The batch's records in order. Throws INVALID_EVENT when order and sections disagree. */
export function* recordsOf(batch: RecordBatch): Generator<RecordRef> {
  const next = batch.sections.map(() => 0);
  for (let index = 0; index < batch.order.length; index++) {
    const which = batch.order[index] ?? -1;
    const section = batch.sections[which];
    const row = next[which];
    const id = row === undefined ? undefined : section?.ids[row];
    const time = row === undefined ? undefined : section?.times[row];
    if (section === undefined || row === undefined || id === undefined || time === undefined) {
      throw new RelearnError('INVALID_EVENT', `record ${index} of the batch is in no section`);
    }
    next[which] = row + 1;
    yield { stream: section.stream, id, time, section, row, index };
  }
}

/** The record's values by column name, and nothing else: no name that every object has. */
export function valuesOf(record: RecordRef): Record<string, Cell> {
  const values: Record<string, Cell> = Object.create(null);
  for (const [column, cells] of Object.entries(record.section.columns)) values[column] = cells[record.row] ?? null;
  return values;
}

/** A map, for a column may have any name. */
type BuiltSection = Omit<Section, 'columns'> & { readonly columns: Map<string, Cell[]> };

/** Collects records into a batch, columns by stream. A column that a record lacks is null for it. */
export class BatchBuilder {
  private readonly order: number[] = [];
  private readonly at: number[] = [];
  private readonly sections: BuiltSection[] = [];
  private readonly byStream = new Map<string, number>();

  get size(): number {
    return this.order.length;
  }

  get full(): boolean {
    return this.order.length >= maxBatchRows;
  }

  add(stream: string, id: string, time: number, values: Readonly<Record<string, Cell>>, at?: RowAddress): void {
    let which = this.byStream.get(stream);
    if (which === undefined) {
      which = this.sections.length;
      this.byStream.set(stream, which);
      this.sections.push({ stream, ids: [], times: [], columns: new Map() });
    }
    const section = this.sections[which];
    if (section === undefined) return;
    const row = section.ids.length;
    section.ids.push(id);
    section.times.push(time);
    for (const [column, value] of Object.entries(values)) {
      const cells = section.columns.get(column);
      if (cells === undefined) section.columns.set(column, [...new Array<Cell>(row).fill(null), value]);
      else cells.push(value);
    }
    for (const cells of section.columns.values()) if (cells.length === row) cells.push(null);
    this.order.push(which);
    if (at !== undefined) this.at.push(at);
  }

  build(): RecordBatch {
    const sections = this.sections.map((section) => ({ ...section, columns: Object.fromEntries(section.columns) }));
    const batch = { order: this.order, sections };
    return this.at.length === 0 ? batch : { ...batch, at: this.at };
  }
}
