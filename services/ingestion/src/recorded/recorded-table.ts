import { type Cell, type ColumnSpec, type PipelineSpec, rowStream } from '@relearn/contracts';
import { labelValue } from '@relearn/features';
import { RelearnError } from '@relearn/kernel';
import type { TableChunk, TableFile } from '@relearn/tabular';
import { idOfColumns, idOfFileRow } from '../domain/ids.js';
import { labelOnlyColumns } from '../domain/raw-record.js';
import { type ColumnStore, columnStore } from './column-store.js';

export interface LoadOptions {
  /** Called between pieces of work of some milliseconds, to let other work run. */
  readonly breathe?: () => Promise<void>;
  readonly signal?: AbortSignal;
  /** Rows with a later time are rejected, ms; absent: none are. */
  readonly latest?: number;
}

/** The label of a row as its file tells it: null where there is none. */
export interface RowLabel {
  readonly value: Cell;
  readonly knownAt: number;
}

/** A data file of one stream in memory, by column. */
export class RecordedTable {
  readonly stream: string;
  readonly path: string;
  rows = 0;
  /** Columns of the file that the pipeline does not declare: left out. */
  readonly undeclared: string[];
  private readonly stores = new Map<string, ColumnStore>();
  private readonly spec: PipelineSpec;
  private readonly file: TableFile;
  private readonly source: { readonly time: string; readonly id: readonly string[] };
  private readonly labelOnly: ReadonlySet<string>;
  private readonly labels: { values: Cell[]; known: number[] } | undefined;

  /** Throws NOT_FOUND for an unknown stream, INVALID_INPUT when the file lacks a column that it must have. */
  constructor(spec: PipelineSpec, stream: string, file: TableFile) {
    const context = spec.source.context[stream];
    const declared = stream === rowStream ? spec.schema.columns : spec.schema.context[stream];
    const source = stream === rowStream ? spec.source.rows : context;
    if (source === undefined || declared === undefined) {
      throw new RelearnError('NOT_FOUND', `pipeline '${spec.name}' has no stream '${stream}'`);
    }
    this.spec = spec;
    this.stream = stream;
    this.file = file;
    this.path = file.path;
    this.source = source;
    this.labelOnly = stream === rowStream ? labelOnlyColumns(spec) : new Set();
    const there = new Map(file.schema.columns.map((column) => [column.name, column.type]));
    this.undeclared = [...there.keys()].filter((name) => declared[name] === undefined);
    for (const [name, column] of Object.entries(declared)) {
      const fileType = there.get(name);
      if (fileType !== undefined) this.stores.set(name, columnStore(column.type, fileType));
      else if (!column.nullable && !this.labelOnly.has(name)) throw lacks(file, name, column);
    }
    if (context?.known_at !== undefined && !there.has(context.known_at)) throw lacks(file, context.known_at);
    if (stream === rowStream) this.labels = { values: [], known: [] };
  }

  /** Reads the file. Throws what reading throws; CANCELLED when the signal aborts. */
  async load(options: LoadOptions): Promise<void> {
    const labelOf = this.labelReader();
    for await (const chunk of this.file.chunks(options.signal === undefined ? {} : { signal: options.signal })) {
      this.append(chunk);
      for (let row = this.rows - chunk.rows; row < this.rows; row++) labelOf?.(row);
      await options.breathe?.();
    }
    for (const name of this.labelOnly) this.stores.delete(name);
    for (const store of this.stores.values()) store.seal();
  }

  cell(column: string, row: number): Cell {
    return this.stores.get(column)?.get(row) ?? null;
  }

  /** Event time, ms; null when the row has none. */
  time(row: number): number | null {
    return this.stores.get(this.source.time)?.time(row) ?? null;
  }

  get timeColumn(): string {
    return this.source.time;
  }

  /** The column that says when a row's label became known; undefined: known after a delay. */
  get knownColumn(): string | undefined {
    return this.labels === undefined ? undefined : this.spec.label.known_at;
  }

  id(row: number): string {
    const id = idOfColumns(this.source.id, (column) => this.cell(column, row));
    return id ?? idOfFileRow(this.file.contentHash, row);
  }

  /** When a context record becomes known, ms; null: never. */
  contextKnownAt(row: number, time: number): number | null {
    const context = this.spec.source.context[this.stream];
    if (context?.known_at === undefined) return time + (context?.known_after ?? 0);
    return this.stores.get(context.known_at)?.time(row) ?? null;
  }

  label(row: number): RowLabel | null {
    const known = this.labels?.known[row] ?? Number.NaN;
    const value = this.labels?.values[row] ?? null;
    return value === null || Number.isNaN(known) ? null : { value, knownAt: known };
  }

  values(row: number): Record<string, Cell> {
    const values: Record<string, Cell> = {};
    for (const [name, store] of this.stores) values[name] = store.get(row);
    return values;
  }

  private append(chunk: TableChunk): void {
    for (const [name, store] of this.stores) {
      const cells = chunk.columns[name] ?? [];
      for (let i = 0; i < chunk.rows; i++) store.push(cells[i] ?? null);
    }
    this.rows += chunk.rows;
  }

  /** Takes the label out of a row just read, while the columns that are known only with it are still there. */
  private labelReader(): ((row: number) => void) | undefined {
    const { labels, spec, stores } = this;
    if (labels === undefined) return undefined;
    const valueOf = labelValue(spec);
    let current = 0;
    const view: Record<string, Cell> = {};
    for (const [name, store] of stores) {
      Object.defineProperty(view, name, { get: () => store.get(current), enumerable: true });
    }
    const { known_at: knownAt, delay } = spec.label;
    const knownTimes = knownAt === undefined ? undefined : stores.get(knownAt);
    return (row) => {
      current = row;
      const time = this.time(row);
      const known = knownAt === undefined ? (time ?? Number.NaN) + delay : (knownTimes?.time(row) ?? Number.NaN);
      labels.known.push(known);
      labels.values.push(Number.isNaN(known) ? null : valueOf(view));
    };
  }
}

function lacks(file: TableFile, column: string, spec?: ColumnSpec): RelearnError {
  const what = spec === undefined ? 'column' : `${spec.type} column`;
  return new RelearnError('INVALID_INPUT', `the file has no ${what} '${column}', which the pipeline needs`, {
    place: { file: file.path, field: column },
    remedy: `Add the column, or declare it nullable; the file has ${file.schema.columns.map(({ name }) => name).join(', ')}.`,
  });
}
