import { equalEdges, histogramEdges, rankOf } from '../histogram.js';
import { ksStatistic } from './ks.js';
import { concatenated, inBins } from './numeric-bins.js';
import type { Measured } from './result.js';
import { linfOf, mapBoth } from './shares.js';
import { ascending, wassersteinDistance } from './wasserstein.js';

const NANNYML_BINS = 10_000;

function cumulative(values: Float64Array): Float64Array {
  let sum = 0;
  return values.map((v) => {
    sum += v;
    return sum;
  });
}

/** D over 10,000 equal bins of the reference's range when it has 10,000 rows or more, else exact. */
export function ksNannyml(reference: Float64Array, current: Float64Array): Measured {
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
export function wassersteinNannyml(reference: Float64Array, current: Float64Array): Measured {
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
