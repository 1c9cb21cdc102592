import { kstwoSf } from '../special/kolmogorov.js';

export type KsMode = 'auto' | 'exact' | 'asymptotic';

export interface KsResult {
  readonly statistic: number;
  readonly pValue: number;
}

const MAX_EXACT_SIZE = 10_000;
const MAX_INT32 = 2 ** 31 - 1;

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** numpy's and scipy's rounding: halves go to the even neighbour. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Greatest distance of the two empirical distribution functions of ascending samples; ties are stepped over together. */
export function ksStatistic(a: Float64Array, b: Float64Array): number {
  let [i, j] = [0, 0];
  let [above, below] = [0, 0];
  while (i < a.length && j < b.length) {
    const x = Math.min(a[i] ?? Number.NaN, b[j] ?? Number.NaN);
    while (i < a.length && a[i] === x) i++;
    while (j < b.length && b[j] === x) j++;
    const difference = i / a.length - j / b.length;
    if (difference > above) above = difference;
    if (-difference > below) below = -difference;
  }
  return Math.max(above, below);
}

/** P(D >= h/n) for two samples of the same size n: the alternating sum of Gnedenko and Korolyuk in Horner's form. */
function exactEqualSizes(n: number, h: number): number {
  let p = 0;
  for (let k = Math.floor(n / h); k >= 0; k--) {
    let ratio = 1;
    for (let j = 0; j < h; j++) ratio = ((n - k * h - j) * ratio) / (n + k * h + j + 1);
    p = ratio * (1 - p);
  }
  return 2 * p;
}

/**
 * P(D >= h / lcm) for sizes m > n: share of the lattice paths from (0, 0) to (m, n) that touch |x/m - y/n| >= h / lcm,
 * column by column (Hodges 1958). Each cell holds the share of paths to it that touch, so nothing overflows.
 */
function exactUnequalSizes(m: number, n: number, divisor: number, h: number): number {
  const mg = m / divisor;
  const ng = n / divisor;
  let to = Math.min(Math.ceil(h / mg), n + 1);
  // Cells outside the band hold 1: every path to them has touched. The first column is inside and holds 0.
  const cells = new Float64Array(n + 2).fill(1);
  cells.fill(0, 0, to);
  for (let x = 1; x <= m; x++) {
    const from = Math.min(Math.max(Math.floor((ng * x - h) / mg) + 1, 0), n);
    to = Math.min(Math.ceil((ng * x + h) / mg), n + 1);
    if (to <= from) return 1;
    let share = from === 0 ? 0 : 1;
    for (let y = from; y < to; y++) {
      share = ((cells[y] ?? 1) * x + share * y) / (x + y);
      cells[y] = share;
    }
  }
  return cells[to - 1] ?? 1;
}

/** The exact p-value with the statistic on the lattice, or undefined where the computation leaves [0, 1]. */
function exact(n: number, m: number, statistic: number): KsResult | undefined {
  const divisor = gcd(n, m);
  const lcm = (n / divisor) * m;
  const h = roundHalfEven(statistic * lcm);
  if (h === 0) return { statistic: 0, pValue: 1 };
  const pValue = n === m ? exactEqualSizes(n, h) : exactUnequalSizes(Math.max(n, m), Math.min(n, m), divisor, h);
  return pValue >= 0 && pValue <= 1 ? { statistic: h / lcm, pValue } : undefined;
}

/**
 * Two-sided two-sample Kolmogorov-Smirnov test of ascending samples, as `scipy.stats.ks_2samp` (1.17): `auto` is exact
 * when both sizes are at most 10,000; asymptotic is kstwo with round(nm / (n + m)), whose p-value is NaN where that is 0.
 */
export function ksTwoSample(a: Float64Array, b: Float64Array, mode: KsMode): KsResult {
  const n = a.length;
  const m = b.length;
  if (n === 0 || m === 0 || Number.isNaN(a[n - 1]) || Number.isNaN(b[m - 1])) {
    return { statistic: Number.NaN, pValue: Number.NaN };
  }
  const statistic = ksStatistic(a, b);
  const divisor = gcd(n, m);
  const fits = n / divisor < MAX_INT32 / (m / divisor);
  const tryExact = mode === 'exact' ? fits : mode === 'auto' && Math.max(n, m) <= MAX_EXACT_SIZE;
  const found = tryExact ? exact(n, m, statistic) : undefined;
  if (found !== undefined) return found;
  return { statistic, pValue: kstwoSf(statistic, roundHalfEven((n * m) / (n + m))) };
}
