import { parseTimestamp } from '@relearn/kernel';
import type { Cell, ColumnType, TableFile } from './table.js';

type Value = Exclude<Cell, null>;

/** What one column of a file holds. */
export interface ColumnProfile {
  name: string;
  type: ColumnType;
  /** Rows looked at, nulls among them included. */
  rows: number;
  nulls: number;
  /** Distinct values that are not null; 1,000 means at least as many. */
  distinct: number;
  /** Least and greatest value: integers and numbers by size, texts by code unit; null when all are null. */
  min: Cell;
  max: Cell;
  /** At most 100 values, the most frequent first; exact, but beyond 1,000 distinct values only of the first 1,000 met. */
  topValues: { value: Value; count: number }[];
  /** A column of timestamps, or of texts that all are times. Numbers never are. */
  looksLikeTimestamp: boolean;
}

const maxDistinct = 1000;
const maxTopValues = 100;

/** Profiles of all columns in the order of the schema, over the first `maxRows` rows (all when not given). */
export async function profileTable(file: TableFile, options: { maxRows?: number } = {}): Promise<ColumnProfile[]> {
  const { maxRows = Number.POSITIVE_INFINITY } = options;
  const profilers = file.schema.columns.map(({ name, type }) => new ColumnProfiler(name, type));
  let left = maxRows;
  if (left > 0) {
    for await (const chunk of file.chunks()) {
      const rows = Math.min(left, chunk.rows);
      for (const profiler of profilers) profiler.add((chunk.columns[profiler.name] ?? []).slice(0, rows));
      left -= rows;
      if (left <= 0) break;
    }
  }
  return profilers.map((profiler) => profiler.profile());
}

class ColumnProfiler {
  readonly name: string;
  private readonly type: ColumnType;
  private readonly counts = new Map<Value, number>();
  private rows = 0;
  private nulls = 0;
  private min: Cell = null;
  private max: Cell = null;
  private onlyTimes: boolean;

  constructor(name: string, type: ColumnType) {
    this.name = name;
    this.type = type;
    this.onlyTimes = type === 'timestamp' || type === 'string';
  }

  add(cells: readonly Cell[]): void {
    this.rows += cells.length;
    for (const cell of cells) {
      if (cell === null) this.nulls++;
      else this.addValue(cell);
    }
  }

  profile(): ColumnProfile {
    const { name, type, rows, nulls, min, max } = this;
    const topValues = [...this.counts]
      .map(([value, count]) => ({ value, count }))
      .sort((a, b) => b.count - a.count)
      .slice(0, maxTopValues);
    const looksLikeTimestamp = type === 'timestamp' || (this.onlyTimes && nulls < rows);
    return { name, type, rows, nulls, distinct: this.counts.size, min, max, topValues, looksLikeTimestamp };
  }

  private addValue(value: Value): void {
    const count = this.counts.get(value);
    if (count !== undefined) {
      this.counts.set(value, count + 1);
      return;
    }
    if (this.counts.size < maxDistinct) this.counts.set(value, 1);
    if (this.min === null || this.isLess(value, this.min)) this.min = value;
    if (this.max === null || this.isLess(this.max, value)) this.max = value;
    if (this.onlyTimes && this.type === 'string') this.onlyTimes = parseTimestamp(String(value)) !== null;
  }

  private isLess(a: Value, b: Value): boolean {
    // JavaScript compares a bigint with a number by size, without rounding.
    if (this.type === 'integer') return exact(a) < exact(b);
    return a < b;
  }
}

function exact(value: Value): number | bigint {
  return typeof value === 'string' ? BigInt(value) : Number(value);
}
