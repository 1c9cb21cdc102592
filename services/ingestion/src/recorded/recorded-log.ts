import { labelStream, type PipelineSpec, rowStream } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import type { TableFile } from '@relearn/tabular';
import { compareRecorded, labelPlace, rankOf } from '../domain/order.js';
import { labelRecord, type RawRecord } from '../domain/raw-record.js';
import { type LoadOptions, RecordedTable } from './recorded-table.js';
import { sortIndices } from './sort.js';

export interface RecordedFile {
  /** `rows` or the name of a context stream. */
  readonly stream: string;
  readonly table: TableFile;
}

/** A row of a file that has no place in the order. */
export interface RejectedRow {
  readonly file: string;
  readonly stream: string;
  /** From 0. */
  readonly row: number;
  readonly code: 'INVALID_TIME';
  readonly column: string;
  readonly message: string;
}

/** Records in the order in which they became known. */
export interface RecordedBatch {
  readonly records: readonly RawRecord[];
  /** The log's position behind them. */
  readonly position: number;
}

/** Rejected rows that are told one by one; all are counted. */
const mostTold = 100;
const rowsPerPiece = 8192;

/**
 * Recorded data of a pipeline in the total order of DESIGN's data topics: rows without what is known only with their
 * label, labels when they became known, context as it became known.
 */
export class RecordedLog {
  readonly rejected: { count: number; first: RejectedRow[] };
  /** Columns of the files that the pipeline does not declare and that are left out. */
  readonly undeclared: readonly { file: string; columns: readonly string[] }[];
  private readonly spec: PipelineSpec;
  private readonly tables: readonly RecordedTable[];
  private readonly entries: Entries;
  private readonly order: Uint32Array;
  private at = 0;

  constructor(spec: PipelineSpec, tables: readonly RecordedTable[], entries: Entries, order: Uint32Array) {
    this.spec = spec;
    this.tables = tables;
    this.entries = entries;
    this.order = order;
    this.rejected = entries.rejected;
    this.undeclared = tables.map(({ path, undeclared }) => ({ file: path, columns: undeclared }));
  }

  get total(): number {
    return this.order.length;
  }

  /** Records handed out so far. */
  get position(): number {
    return this.at;
  }

  /** Goes on behind so many records. Throws INVALID_INPUT when there are not that many. */
  set position(position: number) {
    if (!Number.isSafeInteger(position) || position < 0 || position > this.total) {
      throw new RelearnError('INVALID_INPUT', `position ${position} is not within the ${this.total} recorded records`);
    }
    this.at = position;
  }

  /** When the first record became known, ms; null without records. */
  get firstKnown(): number | null {
    return this.total === 0 ? null : this.knownAt(0);
  }

  get lastKnown(): number | null {
    return this.total === 0 ? null : this.knownAt(this.total - 1);
  }

  /** When the next record becomes known, ms; null at the end. */
  get nextKnown(): number | null {
    return this.at < this.total ? this.knownAt(this.at) : null;
  }

  /** The next records that became known before `untilKnownMs` (exclusive), `maxRecords` at most; null when there are none. */
  next(untilKnownMs: number, maxRecords: number): RecordedBatch | null {
    const records: RawRecord[] = [];
    while (records.length < maxRecords && this.at < this.total && this.knownAt(this.at) < untilKnownMs) {
      records.push(this.record(this.order[this.at] ?? 0));
      this.at += 1;
    }
    return records.length === 0 ? null : { records, position: this.at };
  }

  private knownAt(position: number): number {
    return this.entries.knownAt[this.order[position] ?? 0] ?? 0;
  }

  private record(entry: number): RawRecord {
    const { table: which, row, isLabel, knownAt } = this.entries.of(entry);
    const table = this.tables[which];
    if (table === undefined) throw new RelearnError('INTERNAL', `entry ${entry} is of no table`);
    const id = table.id(row);
    if (!isLabel) {
      return { stream: table.stream, id, time: table.time(row) ?? knownAt, knownAt, values: table.values(row) };
    }
    const { shard_by: shardBy } = this.spec.source;
    const shardValue = shardBy === undefined ? undefined : table.cell(shardBy, row);
    return labelRecord(this.spec, { eventId: id, value: table.label(row)?.value ?? null, knownAt, shardValue });
  }
}

const tooFarAhead = 'lies more than a day ahead of the clock';

/** What becomes known when, in the order of the files. */
class Entries {
  readonly rejected: { count: number; first: RejectedRow[] } = { count: 0, first: [] };
  readonly knownAt: number[] = [];
  private readonly ranks: number[] = [];
  private readonly rows: number[] = [];
  /** Twice the table's index, plus one for a label. */
  private readonly kinds: number[] = [];
  private readonly tables: readonly RecordedTable[];
  private readonly latest: number;

  constructor(tables: readonly RecordedTable[], latest = Number.POSITIVE_INFINITY) {
    this.tables = tables;
    this.latest = latest;
  }

  async fill(breathe: () => Promise<void>): Promise<void> {
    for (const [which, table] of this.tables.entries()) {
      for (let row = 0; row < table.rows; row++) {
        this.take(table, which, row);
        if (row % rowsPerPiece === rowsPerPiece - 1) await breathe();
      }
    }
  }

  of(entry: number): { table: number; row: number; isLabel: boolean; knownAt: number } {
    const kind = this.kinds[entry] ?? 0;
    return {
      table: kind >> 1,
      row: this.rows[entry] ?? 0,
      isLabel: (kind & 1) === 1,
      knownAt: this.knownAt[entry] ?? 0,
    };
  }

  compare(a: number, b: number): number {
    const known = (this.knownAt[a] ?? 0) - (this.knownAt[b] ?? 0);
    if (known !== 0) return known;
    // Equal to the last means two records with one id: they keep the order of the files.
    return compareRecorded(this.ordered(a), this.ordered(b)) || a - b;
  }

  private ordered(entry: number) {
    const { table, row, isLabel, knownAt } = this.of(entry);
    const stream = isLabel ? labelStream : (this.tables[table]?.stream ?? '');
    return { knownAt, rank: this.ranks[entry] ?? 0, stream, id: this.tables[table]?.id(row) ?? '' };
  }

  private take(table: RecordedTable, which: number, row: number): void {
    const time = table.time(row);
    if (time === null) return this.reject(table, row, table.timeColumn, 'has no event time');
    if (time > this.latest) return this.reject(table, row, table.timeColumn, tooFarAhead);
    if (table.stream !== rowStream) {
      const known = table.contextKnownAt(row, time);
      if (known !== null) this.add(known, rankOf(table.stream), row, which * 2);
      return;
    }
    const label = table.label(row);
    const { knownColumn } = table;
    if (knownColumn !== undefined && label !== null && label.knownAt > this.latest) {
      return this.reject(table, row, knownColumn, tooFarAhead);
    }
    this.add(time, rankOf(rowStream), row, which * 2);
    if (label === null) return;
    const place = labelPlace(time, label.knownAt);
    this.add(place.knownAt, place.rank, row, which * 2 + 1);
  }

  private add(knownAt: number, rank: number, row: number, kind: number): void {
    this.knownAt.push(knownAt);
    this.ranks.push(rank);
    this.rows.push(row);
    this.kinds.push(kind);
  }

  private reject(table: RecordedTable, row: number, column: string, why: string): void {
    this.rejected.count += 1;
    if (this.rejected.first.length >= mostTold) return;
    const { path: file, stream } = table;
    const message = `row ${row + 1} ${why}`;
    this.rejected.first.push({ file, stream, row, code: 'INVALID_TIME', column, message });
  }
}

/**
 * Reads recorded data into memory and puts it in order. Throws NOT_FOUND for an unknown stream, INVALID_INPUT for a
 * file without a column that it must have, and what reading the files throws.
 */
export async function openRecorded(
  spec: PipelineSpec,
  files: readonly RecordedFile[],
  options: LoadOptions = {},
): Promise<RecordedLog> {
  const tables = files.map(({ stream, table }) => new RecordedTable(spec, stream, table));
  const breathe = options.breathe ?? (async () => undefined);
  for (const table of tables) await table.load(options);
  const entries = new Entries(tables, options.latest);
  await entries.fill(breathe);
  const indices = Uint32Array.from(entries.knownAt, (_, entry) => entry);
  const order = await sortIndices(indices, (a, b) => entries.compare(a, b), breathe);
  return new RecordedLog(spec, tables, entries, order);
}
