import { mulberry32 } from '@relearn/kernel';
import { frequentValues, placesOf } from '../categories.js';
import { type CategoryColumn, checkSameColumns, type NumericColumn, type Table } from '../table.js';

/** Bin b >= 1 of a number holds the float32 values up to and including upper[b - 1]; the last bound is Infinity. */
export interface NumberBins {
  readonly kind: 'number';
  readonly name: string;
  readonly count: number;
  readonly upper: Float32Array;
}

/** Bin b >= 1 of a category holds values[b - 1]. */
export interface CategoryBins {
  readonly kind: 'category';
  readonly name: string;
  readonly count: number;
  readonly values: readonly string[];
}

/** Bin 0 holds the missing values; for categories those not seen in training or too rare for a bin of their own too. */
export type ColumnBins = NumberBins | CategoryBins;

/** Bounds are found on this many rows at most, as in LightGBM (bin_construct_sample_cnt). */
const sampleRows = 100_000;

/** Chooses at most `maxBins` (2 to 255) bins a column from the training table. */
export function fitBins(table: Table, maxBins: number, seed: number): ColumnBins[] {
  const sample = sampleOf(table.rows, seed);
  return table.columns.map((column) =>
    column.kind === 'number' ? fitNumber(column, maxBins, sample) : fitCategory(column, maxBins),
  );
}

/** One row out of each of equal stretches, so that no rhythm of the rows can hide values. */
function sampleOf(rows: number, seed: number): Int32Array {
  if (rows <= sampleRows) return Int32Array.from({ length: rows }, (_, row) => row);
  const next = mulberry32(seed);
  const stretch = rows / sampleRows;
  return Int32Array.from({ length: sampleRows }, (_, i) => Math.min(rows - 1, Math.floor((i + next()) * stretch)));
}

function fitNumber(column: NumericColumn, maxBins: number, sample: Int32Array): NumberBins {
  const sorted = new Float32Array(sample.length);
  let known = 0;
  for (const row of sample) {
    const value = Math.fround(column.values[row]!);
    // Adding zero makes -0 and 0, which are equal to a split, equal to the sort.
    if (value === value) sorted[known++] = value + 0;
  }
  const values = sorted.subarray(0, known).sort();
  const upper = boundsOf(values, maxBins - 1);
  return { kind: 'number', name: column.name, count: upper.length + 1, upper: Float32Array.from(upper) };
}

/** Inclusive upper bounds of at most `most` bins of about equal weight; a value heavier than a bin has its own. */
function boundsOf(sorted: Float32Array, most: number): number[] {
  const upper: number[] = [];
  const distinct = countDistinct(sorted);
  let left = sorted.length;
  let held = 0;
  let begin = 0;
  while (begin < sorted.length) {
    const value = sorted[begin]!;
    let end = begin + 1;
    while (end < sorted.length && sorted[end] === value) end++;
    const target = left / (most - upper.length);
    const heavy = end - begin >= target;
    if (held > 0 && upper.length < most - 1 && distinct > most && heavy && held > target / 2) {
      upper.push(between(sorted[begin - 1]!, value));
      left -= held;
      held = 0;
    }
    held += end - begin;
    if (end < sorted.length && upper.length < most - 1 && (distinct <= most || held >= target)) {
      upper.push(between(value, sorted[end]!));
      left -= held;
      held = 0;
    }
    begin = end;
  }
  upper.push(Infinity);
  return upper;
}

function countDistinct(sorted: Float32Array): number {
  let count = 0;
  for (let i = 0; i < sorted.length; i++) if (i === 0 || sorted[i] !== sorted[i - 1]) count++;
  return count;
}

/** A float32 threshold t with low <= t < high, half way where that can be. */
function between(low: number, high: number): number {
  const middle = Math.fround(low / 2 + high / 2);
  return middle >= low && middle < high ? middle : low;
}

function fitCategory(column: CategoryColumn, maxBins: number): CategoryBins {
  const values = frequentValues(column, maxBins - 1);
  return { kind: 'category', name: column.name, count: values.length + 1, values };
}

/** The bin of each row, a column an array. Throws INVALID_INPUT where the table's columns are not the fitted ones. */
export function applyBins(columns: readonly ColumnBins[], table: Table): Uint8Array[] {
  checkSameColumns(columns, table, 'table');
  return columns.map((bins, i) => {
    const column = table.columns[i]!;
    const target = new Uint8Array(table.rows);
    if (bins.kind === 'number' && column.kind === 'number') applyNumber(bins, column.values, target);
    else if (bins.kind === 'category' && column.kind === 'category') applyCategory(bins, column, target);
    return target;
  });
}

function applyNumber(bins: NumberBins, values: Float64Array, target: Uint8Array): void {
  const { upper } = bins;
  for (let row = 0; row < values.length; row++) {
    const value = Math.fround(values[row]!);
    if (value !== value) continue;
    let low = 0;
    let high = upper.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value <= upper[middle]!) high = middle;
      else low = middle + 1;
    }
    target[row] = low + 1;
  }
}

function applyCategory(bins: CategoryBins, column: CategoryColumn, target: Uint8Array): void {
  const places = placesOf(column.dictionary, bins.values);
  const { codes } = column;
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row]!;
    if (code >= 0) target[row] = places[code]!;
  }
}
