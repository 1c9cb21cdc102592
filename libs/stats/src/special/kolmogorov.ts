import { durbinCdf } from './durbin.js';
import { logGamma } from './gamma.js';

const clip = (p: number): number => Math.min(1, Math.max(0, p));

/** Upper tail of the limiting Kolmogorov distribution of sqrt(n) D_n. */
export function kolmogorovSf(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x <= 0) return 1;
  if (x < 0.85) {
    // Jacobi's theta identity: the alternating series converges slowly for small x.
    const base = -(Math.PI * Math.PI) / (8 * x * x);
    let sum = 0;
    for (let k = 1; k <= 9; k += 2) sum += Math.exp(base * k * k);
    return 1 - (Math.sqrt(2 * Math.PI) / x) * sum;
  }
  let sum = 0;
  for (let k = 1; k <= 12; k++) {
    const term = Math.exp(-2 * k * k * x * x);
    sum += k % 2 === 1 ? term : -term;
    if (term === 0) break;
  }
  return clip(2 * sum);
}

/**
 * P(D_n^+ >= x), the one-sided Kolmogorov-Smirnov tail, by the sum of Birnbaum and Tingey (1951). All terms are
 * positive, so the smallest tails keep their digits. O(n).
 */
function oneSidedSf(n: number, x: number): number {
  const last = Math.floor(n * (1 - x));
  const logFactorial = logGamma(n + 1);
  let sum = Math.exp(n * Math.log1p(-x));
  for (let j = 1; j <= last; j++) {
    const share = x + j / n;
    const rest = 1 - share;
    if (rest <= 0) continue;
    const logChoose = logFactorial - logGamma(j + 1) - logGamma(n - j + 1);
    sum += x * Math.exp(logChoose + (j - 1) * Math.log(share) + (n - j) * Math.log(rest));
  }
  return sum;
}

/**
 * The asymptotic expansion of P(D_n <= x) with three correction terms (Li-Chien 1956, Korolyuk 1960) in the form for
 * small arguments of Pelz and Good (1976).
 */
function pelzGoodCdf(n: number, x: number): number {
  const z = Math.sqrt(n) * x;
  const z2 = z * z;
  const z4 = z2 * z2;
  const z6 = z4 * z2;
  const z8 = z4 * z4;
  const p2 = Math.PI ** 2;
  const p4 = Math.PI ** 4;
  const p6 = Math.PI ** 6;
  const sums = [0, 0, 0, 0] as [number, number, number, number];
  const terms = Math.ceil((16 * z) / Math.PI);
  let [even2, even3] = [0, 0];
  for (let k = terms; k >= 1; k--) {
    const odd = k - 0.5;
    const o2 = odd * odd;
    const weight = Math.exp((-p2 * o2) / (2 * z2));
    sums[0] += weight;
    sums[1] += weight * (p2 * o2 - z2);
    sums[2] += weight * (6 * z6 + 2 * z4 + p2 * (2 * z4 - 5 * z2) * o2 + p4 * (1 - 2 * z2) * o2 * o2);
    sums[3] +=
      weight *
      (p6 * (5 - 30 * z2) * o2 * o2 * o2 +
        p4 * (-60 * z2 + 212 * z4) * o2 * o2 +
        p2 * (135 * z4 - 96 * z6) * o2 -
        30 * z6 -
        90 * z8);
    const evenWeight = k * k * Math.exp((-p2 * k * k) / (2 * z2));
    even2 += evenWeight;
    even3 += evenWeight * (3 * z2 - p2 * k * k);
  }
  const root = Math.sqrt(2 * Math.PI);
  const k0 = (root * sums[0]) / z;
  const k1 = (root * sums[1]) / (6 * z4);
  const k2 = (root * sums[2]) / (72 * z6 * z) - (root * p2 * even2) / (36 * z2 * z);
  const k3 = (root * sums[3]) / (6480 * z8 * z2) + (root * p2 * even3) / (216 * z6);
  return k0 + k1 / Math.sqrt(n) + k2 / n + k3 / (n * Math.sqrt(n));
}

/** Where the exact value is a closed form (Ruben and Gambino 1982), else undefined. */
function closedFormSf(n: number, x: number): number | undefined {
  const t = n * x;
  if (t <= 0.5) return 1;
  if (t <= 1) return 1 - Math.exp(logGamma(n + 1) - n * Math.log(n) + n * Math.log(2 * t - 1));
  if (t >= n - 1) return 2 * (1 - x) ** n;
  return undefined;
}

/**
 * P(D_n >= d) of the two-sided one-sample Kolmogorov-Smirnov statistic for finite n (`scipy.stats.kstwo.sf`), with the
 * regions of Simard and L'Ecuyer (2011). NaN unless n is a positive integer.
 */
export function kstwoSf(d: number, n: number): number {
  if (Number.isNaN(d) || !Number.isInteger(n) || n <= 0) return Number.NaN;
  if (d >= 1) return 0;
  if (d <= 0) return 1;
  const closed = closedFormSf(n, d);
  if (closed !== undefined) return clip(closed);
  const scaled = n * d * d;
  if (d >= 0.5) return clip(2 * oneSidedSf(n, d));
  if (n <= 140) return clip(scaled <= 4 ? 1 - durbinCdf(n, d) : 2 * oneSidedSf(n, d));
  if (scaled >= 370) return 0;
  if (scaled >= 2.2) return clip(2 * oneSidedSf(n, d));
  return clip(1 - (n <= 100_000 && n * d ** 1.5 <= 1.4 ? durbinCdf(n, d) : pelzGoodCdf(n, d)));
}
