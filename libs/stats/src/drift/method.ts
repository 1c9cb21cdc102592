import type { DriftResult, DriftRule } from './result.js';

export interface DriftOptions {
  /** Replaces the variant's default threshold. */
  readonly threshold?: number;
  /** Number of equal-width bins of the `:fixed` variants (30). */
  readonly bins?: number;
  /** Both sides come from columns of integers: `psi:evidently` and `js:evidently` then bin no finer than 1. */
  readonly integer?: boolean;
  /** False switches Yates' correction of 2 x 2 tables off (`chi2:contingency`). */
  readonly correction?: boolean;
  /** Level of the correction for small samples of the `:deequ` variants; absent: the constant 1.8. */
  readonly alpha?: number;
}

/** A method over two samples of numbers; missing values are NaN. */
export interface NumericDriftMethod extends DriftRule {
  readonly kind: 'numeric';
  readonly name: string;
  compute(reference: ArrayLike<number>, current: ArrayLike<number>, options?: DriftOptions): DriftResult;
}

/** Rows per category; missing values are not in it. */
export type CategoryCounts = ReadonlyMap<string, number>;

/** A method over the category counts of two samples. */
export interface CategoricalDriftMethod extends DriftRule {
  readonly kind: 'categorical';
  readonly name: string;
  compute(reference: CategoryCounts, current: CategoryCounts, options?: DriftOptions): DriftResult;
}

export type DriftMethod = NumericDriftMethod | CategoricalDriftMethod;

/** Counts of the categories of a column in order of first appearance, without null, undefined and NaN. */
export function countCategories(values: Iterable<string | number | boolean | null | undefined>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) {
    if (value === null || value === undefined || Number.isNaN(value)) continue;
    const key = String(value);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
