import { RelearnError } from '@relearn/kernel';

/** Weight of the rows by true class (row) and predicted class (column). */
export interface Confusion {
  readonly classes: number;
  /** classes x classes cells, row by row. */
  readonly cells: Float64Array;
}

/** How a metric of one class becomes one of all: that of class 1, the mean, over all rows, or weighted by true rows. */
export type Average = 'binary' | 'macro' | 'micro' | 'weighted';

/** Counts (or weights) of the pairs of class indices; throws INVALID_INPUT for an index outside 0 ... classes - 1. */
export function confusion(
  truth: ArrayLike<number>,
  predicted: ArrayLike<number>,
  classes: number,
  weights?: ArrayLike<number>,
): Confusion {
  const cells = new Float64Array(classes * classes);
  for (let i = 0; i < truth.length; i++) {
    const actual = truth[i] ?? -1;
    const guess = predicted[i] ?? -1;
    const cell = actual * classes + guess;
    if (!(actual >= 0 && actual < classes && guess >= 0 && guess < classes && Number.isInteger(cell))) {
      throw new RelearnError('INVALID_INPUT', `row ${i}: class ${actual} predicted as ${guess} of ${classes} classes`);
    }
    cells[cell] = (cells[cell] ?? 0) + (weights === undefined ? 1 : (weights[i] ?? 0));
  }
  return { classes, cells };
}

interface ClassTotals {
  readonly hit: number;
  readonly actual: number;
  readonly predicted: number;
}

function totals({ classes, cells }: Confusion, c: number): ClassTotals {
  let [actual, predicted] = [0, 0];
  for (let k = 0; k < classes; k++) {
    actual += cells[c * classes + k] ?? 0;
    predicted += cells[k * classes + c] ?? 0;
  }
  return { hit: cells[c * classes + c] ?? 0, actual, predicted };
}

/** 0 / 0 counts as 0, as scikit-learn with zero_division=0. */
const ratio = (a: number, b: number): number => (b > 0 ? a / b : 0);

const perClass: Readonly<Record<'precision' | 'recall' | 'f1', (t: ClassTotals) => number>> = {
  precision: (t) => ratio(t.hit, t.predicted),
  recall: (t) => ratio(t.hit, t.actual),
  f1: (t) => ratio(2 * t.hit, t.actual + t.predicted),
};

function averaged(of: Confusion, kind: keyof typeof perClass, average: Average): number | null {
  const all = Array.from({ length: of.classes }, (_, c) => totals(of, c));
  const rows = all.reduce((sum, t) => sum + t.actual, 0);
  if (rows <= 0) return null;
  const score = perClass[kind];
  if (average === 'binary') return score(all[1] ?? { hit: 0, actual: 0, predicted: 0 });
  if (average === 'micro') return all.reduce((sum, t) => sum + t.hit, 0) / rows;
  if (average === 'weighted') return all.reduce((sum, t) => sum + t.actual * score(t), 0) / rows;
  const seen = all.filter((t) => t.actual + t.predicted > 0);
  return seen.reduce((sum, t) => sum + score(t), 0) / seen.length;
}

/** Precision; `macro` is over the classes that occur in truth or prediction. null for no rows. */
export const precisionOf = (of: Confusion, average: Average): number | null => averaged(of, 'precision', average);
/** Recall, averaged as precisionOf. */
export const recallOf = (of: Confusion, average: Average): number | null => averaged(of, 'recall', average);
/** F1, averaged as precisionOf. */
export const f1Of = (of: Confusion, average: Average): number | null => averaged(of, 'f1', average);
/** Share of rows whose class is right; null for no rows. */
export const accuracyOf = (of: Confusion): number | null => averaged(of, 'recall', 'micro');

/** Mean recall of the classes that occur in the truth; null for no rows. */
export function balancedAccuracyOf(of: Confusion): number | null {
  const recalls: number[] = [];
  for (let c = 0; c < of.classes; c++) {
    const t = totals(of, c);
    if (t.actual > 0) recalls.push(t.hit / t.actual);
  }
  return recalls.length === 0 ? null : recalls.reduce((a, b) => a + b, 0) / recalls.length;
}
