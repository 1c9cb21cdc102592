import { RelearnError } from '@relearn/kernel';

export type Task = 'binary' | 'multiclass' | 'regression';

/** Truth and predictions of n rows. */
export interface MetricInput {
  /** binary: 0 or 1; multiclass: the index of the class; regression: the value. */
  readonly truth: ArrayLike<number>;
  /** binary: probability of class 1; multiclass: n x classes probabilities, row by row; regression: the value. */
  readonly prediction: ArrayLike<number>;
  /** Number of classes; needed for multiclass. */
  readonly classes?: number;
  /** Weight of each row; absent: 1. */
  readonly weights?: ArrayLike<number>;
  /** binary: a probability from here upwards is class 1 (0.5). */
  readonly cut?: number;
}

/** A metric of fixed rows as a function of their weights; null where it is not computable. */
export type Weighted = (weights: Float64Array) => number | null;

export const never: Weighted = () => null;

export const finiteOrNull = (value: number): number | null => (Number.isFinite(value) ? value : null);

export function totalWeight(weights: Float64Array): number {
  let sum = 0;
  for (const weight of weights) sum += weight;
  return sum;
}

/** Throws INVALID_INPUT unless the lengths agree. */
export function requireLengths(input: MetricInput): void {
  const n = input.truth.length;
  const columns = input.classes ?? 1;
  if (input.prediction.length !== n * columns) {
    throw new RelearnError(
      'INVALID_INPUT',
      `${n} true values but ${input.prediction.length} predictions (${columns} a row)`,
    );
  }
  if (input.weights !== undefined && input.weights.length !== n) {
    throw new RelearnError('INVALID_INPUT', `${n} true values but ${input.weights.length} weights`);
  }
}

/** The column as numbers, or undefined when a value is not finite. */
export function finiteColumn(values: ArrayLike<number>): Float64Array | undefined {
  const column = Float64Array.from(values);
  return column.every(Number.isFinite) ? column : undefined;
}

/** The column of probabilities, or undefined when one is not in [0, 1]. */
export function probabilityColumn(values: ArrayLike<number>): Float64Array | undefined {
  const column = Float64Array.from(values);
  return column.every((p) => p >= 0 && p <= 1) ? column : undefined;
}

/** Class of each row by its probabilities: the cut for one column, else the first greatest. */
export function predictedClasses(input: MetricInput): Float64Array {
  const { truth, prediction, classes, cut = 0.5 } = input;
  if (classes === undefined) return Float64Array.from(prediction, (p) => (p >= cut ? 1 : 0));
  return Float64Array.from({ length: truth.length }, (_, row) => {
    let best = 0;
    for (let c = 1; c < classes; c++) {
      if ((prediction[row * classes + c] ?? 0) > (prediction[row * classes + best] ?? 0)) best = c;
    }
    return best;
  });
}
