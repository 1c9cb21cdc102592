/**
 * First Wasserstein distance of two ascending samples: the integral of |F - G|, as `scipy.stats.wasserstein_distance`.
 * In the units of the values; NaN where infinities meet, or where a sample is empty or holds NaN.
 */
export function wassersteinDistance(a: Float64Array, b: Float64Array): number {
  if (a.length === 0 || b.length === 0) return Number.NaN;
  let [i, j] = [0, 0];
  let sum = 0;
  let last = Number.NaN;
  while (i < a.length || j < b.length) {
    const fromA = j >= b.length || (i < a.length && (a[i] ?? 0) <= (b[j] ?? 0));
    const x = (fromA ? a[i] : b[j]) ?? Number.NaN;
    if (i + j > 0) {
      // Between equal infinities the step is NaN, as in the pooled differences of the peer.
      const step = x - last;
      if (step !== 0) sum += Math.abs(i / a.length - j / b.length) * step;
    }
    last = x;
    if (fromA) i++;
    else j++;
  }
  return sum;
}

/** Ascending copies of both samples. */
export const ascending = (a: Float64Array, b: Float64Array): [Float64Array, Float64Array] => [
  a.slice().sort(),
  b.slice().sort(),
];
