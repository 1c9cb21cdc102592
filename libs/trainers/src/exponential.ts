/** powers[k + 1022] is 2^k, exactly. */
const powers = new Float64Array(2046);
powers[1022] = 1;
for (let k = 1; k <= 1023; k++) powers[1022 + k] = powers[1021 + k]! * 2;
for (let k = -1; k >= -1022; k--) powers[1022 + k] = powers[1023 + k]! / 2;

/** ln 2 in two parts: the product of the first with an integer below 2^20 is exact. */
const ln2High = 0.69314718036912381649;
const ln2Low = 1.9082149292705877e-10;
const log2e = 1.4426950408889634;

/**
 * e^x in plain arithmetic, so that a model's bytes depend on no engine's own exponential; within 2 units in the last
 * place, and faster than Math.exp. Arguments beyond +-700 count as +-700; NaN stays NaN.
 */
export function exponential(x: number): number {
  const bounded = x > 700 ? 700 : x < -700 ? -700 : x;
  const k = Math.floor(bounded * log2e + 0.5);
  const r = bounded - k * ln2High - k * ln2Low;
  // Taylor's series to the 13th power, |r| <= ln 2 / 2, its terms paired (Estrin) so that they overlap.
  const r2 = r * r;
  const r4 = r2 * r2;
  const r8 = r4 * r4;
  const low = 1 + r + r2 * (1 / 2 + r * (1 / 6));
  const middle = 1 / 24 + r * (1 / 120) + r2 * (1 / 720 + r * (1 / 5040));
  const high = 1 / 40320 + r * (1 / 362880) + r2 * (1 / 3628800 + r * (1 / 39916800));
  const tail = 1 / 479001600 + r * (1 / 6227020800);
  return (low + r4 * middle + r8 * (high + r4 * tail)) * powers[k + 1022]!;
}
