import { rankOf } from '../histogram.js';
import { mean, standardDeviation } from '../quantile.js';

const QUANTILES = 19;
const MAX_CATEGORIES = 100;

/** What a column may hold; null, undefined and NaN are missing. */
export type Cell = number | string | boolean | null | undefined;

export interface ColumnValues {
  readonly kind: 'numeric' | 'categorical';
  readonly values: ArrayLike<Cell>;
}

/**
 * A column of numbers: counts of (-inf, e0], (e0, e1], ..., (ek, inf) over ascending edges. e0 is the double below the
 * least reference value, so the first bin counts what lies below the reference's range and the last what lies above.
 */
export interface NumericReference {
  readonly kind: 'numeric';
  readonly edges: readonly number[];
  /** One more than there are edges. */
  readonly counts: readonly number[];
  /** Missing values, and values that are no number. */
  readonly nulls: number;
  /** Of the finite values; null when there is none. */
  readonly mean: number | null;
  /** With divisor n. */
  readonly standardDeviation: number | null;
}

/** A column of categories: the up to 100 most frequent, and how many rows have another. */
export interface CategoricalReference {
  readonly kind: 'categorical';
  readonly values: readonly string[];
  /** One a value, then that of all others. */
  readonly counts: readonly number[];
  readonly nulls: number;
}

export type ColumnReference = NumericReference | CategoricalReference;

/** The frozen profile of the training features by column: plain JSON, part of a model's bundle. */
export interface ReferenceProfile {
  readonly rows: number;
  readonly columns: Readonly<Record<string, ColumnReference>>;
}

/** The greatest double below x; x finite. */
function doubleBelow(x: number): number {
  if (x === 0) return -Number.MIN_VALUE;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  view.setBigInt64(0, view.getBigInt64(0) - (x > 0 ? 1n : -1n));
  return view.getFloat64(0);
}

/** Bin of a number between ascending edges, closed on the right. */
export function binOf(edges: ArrayLike<number>, value: number): number {
  return rankOf(edges, value, false);
}

/** Up to 20 edges: just below the least value, then the distinct values at which 1/19 ... 19/19 of the rows are reached. */
function quantileEdges(sorted: Float64Array): number[] {
  const least = sorted[0];
  if (least === undefined) return [];
  const inner = Array.from({ length: QUANTILES }, (_, i) => {
    // An observed value, never one between two: a column of few values gets one bin a value.
    const reached = Math.ceil(((i + 1) * sorted.length) / QUANTILES);
    return sorted[reached - 1] ?? least;
  });
  return [doubleBelow(least), ...new Set(inner)];
}

function numericReference(values: ArrayLike<Cell>): NumericReference {
  const present = Array.from(values).filter((v): v is number => typeof v === 'number' && !Number.isNaN(v));
  const finite = Float64Array.from(present).filter(Number.isFinite).sort();
  const edges = quantileEdges(finite);
  const counts = Array.from({ length: edges.length + 1 }, () => 0);
  for (const value of present) {
    const bin = binOf(edges, value);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const some = finite.length > 0;
  return {
    kind: 'numeric',
    edges,
    counts,
    nulls: values.length - present.length,
    mean: some ? mean(finite) : null,
    standardDeviation: some ? standardDeviation(finite) : null,
  };
}

/** The category of a cell, or null when it is missing. */
export function categoryOf(cell: Cell): string | null {
  return cell === null || cell === undefined || Number.isNaN(cell) ? null : String(cell);
}

function categoricalReference(cells: ArrayLike<Cell>): CategoricalReference {
  const found = new Map<string, number>();
  let nulls = 0;
  for (let i = 0; i < cells.length; i++) {
    const category = categoryOf(cells[i]);
    if (category === null) nulls++;
    else found.set(category, (found.get(category) ?? 0) + 1);
  }
  const ranked = [...found].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  const kept = ranked.slice(0, MAX_CATEGORIES);
  const others = ranked.slice(MAX_CATEGORIES).reduce((sum, [, count]) => sum + count, 0);
  return {
    kind: 'categorical',
    values: kept.map(([value]) => value),
    counts: [...kept.map(([, count]) => count), others],
    nulls,
  };
}

/**
 * Freezes what windows are compared with: for a column of numbers up to 20 edges at the reference's quantiles, for one
 * of categories its up to 100 most frequent values. Infinities fall in the outermost bins. Columns keep their order.
 */
export function referenceProfile(columns: Readonly<Record<string, ColumnValues>>): ReferenceProfile {
  const profiled = Object.entries(columns).map(([name, { kind, values }]): [string, ColumnReference] => [
    name,
    kind === 'numeric' ? numericReference(values) : categoricalReference(values),
  ]);
  const rows = Math.max(0, ...Object.values(columns).map(({ values }) => values.length));
  return { rows, columns: Object.fromEntries(profiled) };
}
