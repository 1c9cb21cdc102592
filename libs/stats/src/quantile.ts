/** Mean of a sample; NaN when it is empty. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ?? Number.NaN;
  return sum / values.length;
}

/** Standard deviation with divisor n (numpy's `std`, ddof = 0), in two passes; NaN when the sample is empty. */
export function standardDeviation(values: ArrayLike<number>): number {
  const centre = mean(values);
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const d = (values[i] ?? Number.NaN) - centre;
    sum += d * d;
  }
  return Math.sqrt(sum / values.length);
}

/**
 * Quantile of an ascending sample by linear interpolation (Hyndman and Fan's type 7, numpy's default).
 * @param q in [0, 1]; the result is NaN for an empty sample or one that holds NaN.
 */
export function quantileSorted(sorted: Float64Array, q: number): number {
  const n = sorted.length;
  // Typed arrays sort NaN to the end.
  if (n === 0 || Number.isNaN(sorted[n - 1])) return Number.NaN;
  const position = q * (n - 1);
  const below = Math.floor(position);
  const a = sorted[below] ?? Number.NaN;
  const b = sorted[Math.min(below + 1, n - 1)] ?? Number.NaN;
  const t = position - below;
  // Symmetric in a and b, so that the result never leaves [a, b].
  return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t);
}

/** Quantiles of a sample in any order: see quantileSorted. */
export function quantiles(values: ArrayLike<number>, qs: readonly number[]): number[] {
  const sorted = Float64Array.from(values).sort();
  return qs.map((q) => quantileSorted(sorted, q));
}
