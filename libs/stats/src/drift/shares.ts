import type { Measured } from './result.js';

/** Counts of both sides over the same cells, with their totals (which may exceed the sums: values outside all cells). */
export interface SharePair {
  readonly reference: Float64Array;
  readonly current: Float64Array;
}

export const EVIDENTLY_ZERO_SHARE = 0.0001;

/** Counts divided by a total. */
export function shares(counts: ArrayLike<number>, total: number): Float64Array {
  return Float64Array.from(counts, (count) => count / total);
}

/**
 * Evidently's replacement of shares of 0 (`stattests/utils.py`): 0.0001, or a millionth of the least other share where
 * that is 0.0001 or less. The shares are not renormalised.
 */
export function withoutZerosEvidently(values: Float64Array): Float64Array {
  let least = Infinity;
  for (const value of values) if (value > 0 && value < least) least = value;
  const filler = least <= EVIDENTLY_ZERO_SHARE ? least / 1e6 : EVIDENTLY_ZERO_SHARE;
  return values.map((value) => (value === 0 ? filler : value));
}

/** Population stability index: sum of (r - c) ln(r / c). Shares must not be 0. */
export function psiOf({ reference, current }: SharePair): number {
  let sum = 0;
  for (let i = 0; i < reference.length; i++) {
    const r = reference[i] ?? 0;
    const c = current[i] ?? 0;
    sum += (r - c) * Math.log(r / c);
  }
  return sum;
}

/** Jensen-Shannon divergence in nats (at most ln 2) of shares that are first normalised to 1. */
export function jsDivergence({ reference, current }: SharePair): number {
  const totalR = reference.reduce((a, b) => a + b, 0);
  const totalC = current.reduce((a, b) => a + b, 0);
  let sum = 0;
  for (let i = 0; i < reference.length; i++) {
    const r = (reference[i] ?? 0) / totalR;
    const c = (current[i] ?? 0) / totalC;
    const middle = (r + c) / 2;
    if (r > 0) sum += r * Math.log(r / middle);
    if (c > 0) sum += c * Math.log(c / middle);
  }
  return Math.max(0, sum / 2);
}

/** Greatest difference of two shares. */
export function linfOf({ reference, current }: SharePair): number {
  let most = 0;
  for (let i = 0; i < reference.length; i++) {
    most = Math.max(most, Math.abs((reference[i] ?? 0) - (current[i] ?? 0)));
  }
  return most;
}

/** Both sides through one function. */
export const mapBoth = (pair: SharePair, f: (values: Float64Array) => Float64Array): SharePair => ({
  reference: f(pair.reference),
  current: f(pair.current),
});

/** max(0, value - correction) of Deequ's `Distance.scala`; the correction is 1.8 sqrt((n + m) / nm) or that of a level alpha. */
export function robustDistance(value: number, n: number, m: number, alpha?: number): Measured {
  const factor = alpha === undefined ? 1.8 : Math.sqrt(-Math.log(alpha / 2) / 2);
  return { statistic: Math.max(0, value - factor * Math.sqrt((n + m) / (n * m))), details: { raw: value } };
}
