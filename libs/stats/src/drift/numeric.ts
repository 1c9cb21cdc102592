import { RelearnError } from '@relearn/kernel';
import { equalEdges, histogramCounts, histogramEdges, rankOf } from '../histogram.js';
import { quantileSorted, standardDeviation } from '../quantile.js';
import { type KsMode, ksStatistic, ksTwoSample } from './ks.js';
import type { DriftOptions, NumericDriftMethod } from './method.js';
import { type DriftRule, judge, type Measured, noVerdict } from './result.js';
import {
  EVIDENTLY_ZERO_SHARE,
  jsDivergence,
  linfOf,
  psiOf,
  type SharePair,
  shares,
  withoutZerosEvidently,
} from './shares.js';
import { wassersteinDistance } from './wasserstein.js';

/** Which values a variant drops before anything else. */
type Cleaning = 'finite' | 'not-nan' | 'none';
type Measure = (reference: Float64Array, current: Float64Array, options: DriftOptions) => Measured;

const MIN_POSITIVE = 2 ** -1022;
const NANNYML_BINS = 10_000;
const distance = (decision: '>=' | '>', threshold: number | null = 0.1): DriftRule => ({
  compares: 'statistic',
  decision,
  threshold,
});

function cleaned(values: ArrayLike<number>, cleaning: Cleaning): Float64Array {
  const all = Float64Array.from(values);
  if (cleaning === 'none') return all;
  return all.filter(cleaning === 'finite' ? Number.isFinite : (v) => !Number.isNaN(v));
}

const usable = (values: Float64Array): boolean => values.some((v) => !Number.isNaN(v));

function numeric(name: string, cleaning: Cleaning, rule: DriftRule, measure: Measure): NumericDriftMethod {
  return {
    kind: 'numeric',
    name,
    ...rule,
    compute(reference, current, options = {}) {
      const sides = [cleaned(reference, cleaning), cleaned(current, cleaning)] as const;
      if (!usable(sides[0]) || !usable(sides[1])) return noVerdict('NO_DATA', rule);
      try {
        return judge(measure(sides[0], sides[1], options), rule, options.threshold);
      } catch (error) {
        // An infinite or unbinnable column: the peer raises.
        if (error instanceof RelearnError && error.code === 'INVALID_INPUT') return noVerdict('NOT_COMPUTABLE', rule);
        throw error;
      }
    },
  };
}

function concatenated(a: Float64Array, b: Float64Array): Float64Array {
  const out = new Float64Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

const inBins = (edges: Float64Array, reference: Float64Array, current: Float64Array): SharePair => ({
  reference: shares(histogramCounts(reference, edges), reference.length),
  current: shares(histogramCounts(current, edges), current.length),
});

const distinct = (values: Float64Array): Float64Array => Float64Array.from(new Set(values)).sort();

/** Shares of each distinct value of either side. */
function byValue(reference: Float64Array, current: Float64Array): SharePair {
  const values = distinct(concatenated(reference, current));
  const count = (side: Float64Array): Float64Array => {
    const counts = new Float64Array(values.length);
    for (const value of side) {
      const at = rankOf(values, value, false);
      counts[at] = (counts[at] ?? 0) + 1;
    }
    return shares(counts, side.length);
  };
  return { reference: count(reference), current: count(current) };
}

/** `get_binned_data`: sturges' bins of the pool when the reference has over 20 distinct values, else one a value. */
function evidentlyShares(reference: Float64Array, current: Float64Array, options: DriftOptions): SharePair {
  if (new Set(reference).size <= 20) return byValue(reference, current);
  const edges = histogramEdges(concatenated(reference, current), 'sturges', { integer: options.integer === true });
  return inBins(edges, reference, current);
}

/** 30 equal bins of the pool when the pool has over 20 distinct values, else one a value: symmetric in the sides. */
function fixedShares(reference: Float64Array, current: Float64Array, options: DriftOptions): SharePair {
  const pool = concatenated(reference, current);
  if (new Set(pool).size <= 20) return byValue(reference, current);
  return inBins(histogramEdges(pool, options.bins ?? 30), reference, current);
}

/** Doane's bins of the reference alone; what falls outside makes one more bin whose reference share is 0. */
function nannymlShares(reference: Float64Array, current: Float64Array): SharePair {
  const pair = inBins(histogramEdges(reference, 'doane'), reference, current);
  const outside = 1 - pair.current.reduce((a, b) => a + b, 0);
  if (!(outside > 0)) return pair;
  return {
    reference: concatenated(pair.reference, Float64Array.of(0)),
    current: concatenated(pair.current, Float64Array.of(outside)),
  };
}

/** Bins (a, b] between the distinct deciles of the reference, open to both sides. */
function decileShares(reference: Float64Array, current: Float64Array): SharePair {
  const sorted = reference.slice().sort();
  const edges = distinct(Float64Array.from({ length: 9 }, (_, i) => quantileSorted(sorted, (i + 1) / 10)));
  const count = (side: Float64Array): Float64Array => {
    const counts = new Float64Array(edges.length + 1);
    for (const value of side) {
      const at = rankOf(edges, value, false);
      counts[at] = (counts[at] ?? 0) + 1;
    }
    return shares(counts, side.length);
  };
  return { reference: count(reference), current: count(current) };
}

const mapBoth = (pair: SharePair, f: (values: Float64Array) => Float64Array): SharePair => ({
  reference: f(pair.reference),
  current: f(pair.current),
});

const floored = (floor: number) => (values: Float64Array) => values.map((v) => (v === 0 ? floor : v));

const ascending = (a: Float64Array, b: Float64Array): [Float64Array, Float64Array] => [
  a.slice().sort(),
  b.slice().sort(),
];

function ksMethod(name: string, cleaning: Cleaning, mode: KsMode, threshold: number | null): NumericDriftMethod {
  const rule: DriftRule = { compares: 'pValue', decision: '<=', threshold };
  return numeric(name, cleaning, rule, (a, b) => ksTwoSample(...ascending(a, b), mode));
}

function cumulative(values: Float64Array): Float64Array {
  let sum = 0;
  return values.map((v) => {
    sum += v;
    return sum;
  });
}

/** D over 10,000 equal bins of the reference's range when it has 10,000 rows or more, else exact. */
function ksNannyml(reference: Float64Array, current: Float64Array): Measured {
  const [a, b] = ascending(reference, current);
  if (a.length < NANNYML_BINS) return { statistic: ksStatistic(a, b) };
  const edges = equalEdges(a[0] ?? 0, a[a.length - 1] ?? 0, NANNYML_BINS);
  const pair = inBins(edges, a, b);
  const below = rankOf(b, edges[0] ?? 0, false) / b.length;
  const cdf = mapBoth(pair, cumulative);
  return { statistic: linfOf({ reference: cdf.reference, current: cdf.current.map((v) => v + below) }) };
}

/** NannyML's integral of the distribution function of `sorted` values beside one end of the reference's range. */
function outsideTerm(sorted: Float64Array, total: number, above: boolean): number {
  let sum = 0;
  for (let i = 0; i + 1 < sorted.length; i++) {
    const reached = (i + 1) / sorted.length;
    sum += (above ? 1 - reached : reached) * ((sorted[i + 1] ?? 0) - (sorted[i] ?? 0));
  }
  return (sum * sorted.length) / total;
}

/** As ksNannyml: 10,000 bins for a large reference, counting the end of its range as a row of the outside terms. */
function wassersteinNannyml(reference: Float64Array, current: Float64Array): Measured {
  const [a, b] = ascending(reference, current);
  if (a.length < NANNYML_BINS) return { statistic: wassersteinDistance(a, b) };
  const edges = histogramEdges(a, NANNYML_BINS);
  const low = edges[0] ?? 0;
  const high = edges[NANNYML_BINS] ?? 0;
  const smaller = b.subarray(0, rankOf(b, low, false));
  const bigger = b.subarray(rankOf(b, high, true));
  const shareBelow = smaller.length > 0 ? (smaller.length + 1) / b.length : 0;
  const cdf = mapBoth(inBins(edges, a, b), cumulative);
  const width = (edges[1] ?? 0) - low;
  let statistic = 0;
  for (let i = 0; i < cdf.reference.length; i++) {
    statistic += Math.abs((cdf.reference[i] ?? 0) - (cdf.current[i] ?? 0) - shareBelow) * width;
  }
  if (smaller.length > 0) statistic += outsideTerm(concatenated(smaller, Float64Array.of(low)), b.length, false);
  if (bigger.length > 0) statistic += outsideTerm(concatenated(Float64Array.of(high), bigger), b.length, true);
  return { statistic };
}

/** max(0, value - correction) of Deequ's `Distance.scala`; the correction is 1.8 sqrt((n + m) / nm) or that of a level alpha. */
export function robustDistance(value: number, n: number, m: number, alpha?: number): Measured {
  const factor = alpha === undefined ? 1.8 : Math.sqrt(-Math.log(alpha / 2) / 2);
  return { statistic: Math.max(0, value - factor * Math.sqrt((n + m) / (n * m))), details: { raw: value } };
}

/**
 * Drift of a column of numbers. `:evidently`, `:nannyml`, `:frouros` and `:deequ` are those tools' numbers (Evidently
 * 0.7.23, NannyML 0.13.1, Frouros 0.9.0), peculiarities included; `:scipy` takes the array as it is (scipy 1.17);
 * `:fixed` and `:deciles-ref` are our definitions, stated at the functions that bin.
 */
export const numericDriftMethods: readonly NumericDriftMethod[] = [
  numeric('psi:evidently', 'finite', distance('>='), (a, b, options) => ({
    statistic: psiOf(mapBoth(evidentlyShares(a, b, options), withoutZerosEvidently)),
  })),
  numeric('psi:fixed', 'finite', distance('>='), (a, b, options) => ({
    statistic: psiOf(mapBoth(fixedShares(a, b, options), withoutZerosEvidently)),
  })),
  numeric('psi:deciles-ref', 'finite', distance('>='), (a, b) => ({
    statistic: psiOf(mapBoth(decileShares(a, b), floored(EVIDENTLY_ZERO_SHARE))),
  })),
  numeric('psi:frouros', 'not-nan', distance('>', null), (a, b) => ({
    statistic: psiOf(mapBoth(inBins(histogramEdges(concatenated(a, b), 10), a, b), floored(MIN_POSITIVE))),
  })),
  numeric('js:evidently', 'finite', distance('>='), (a, b, options) => ({
    statistic: Math.sqrt(jsDivergence(evidentlyShares(a, b, options))),
  })),
  numeric('js:fixed', 'finite', distance('>='), (a, b, options) => ({
    statistic: Math.sqrt(jsDivergence(fixedShares(a, b, options))),
  })),
  numeric('js:nannyml', 'not-nan', distance('>', null), (a, b) => ({
    statistic: Math.sqrt(jsDivergence(nannymlShares(a, b)) / Math.LN2),
  })),
  ksMethod('ks:evidently', 'finite', 'auto', 0.05),
  ksMethod('ks:scipy-auto', 'none', 'auto', null),
  ksMethod('ks:scipy-exact', 'none', 'exact', null),
  ksMethod('ks:scipy-asymp', 'none', 'asymptotic', null),
  numeric('ks:nannyml', 'not-nan', distance('>', null), ksNannyml),
  numeric('wasserstein:evidently', 'finite', distance('>='), (a, b) => ({
    statistic: wassersteinDistance(...ascending(a, b)) / Math.max(standardDeviation(a), 0.001),
  })),
  numeric('wasserstein:scipy', 'none', distance('>', null), (a, b) => ({
    statistic: wassersteinDistance(...ascending(a, b)),
  })),
  numeric('wasserstein:nannyml', 'not-nan', distance('>', null), wassersteinNannyml),
  numeric('linf:deciles-ref', 'finite', distance('>'), (a, b) => ({ statistic: linfOf(decileShares(a, b)) })),
  numeric('linf-cdf:deequ', 'finite', distance('>'), (a, b, options) =>
    robustDistance(ksStatistic(...ascending(a, b)), a.length, b.length, options.alpha),
  ),
];
