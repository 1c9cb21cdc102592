import { histogramCounts, histogramEdges, rankOf } from '../histogram.js';
import { quantileSorted } from '../quantile.js';
import type { DriftOptions } from './method.js';
import { type SharePair, shares } from './shares.js';

export function concatenated(a: Float64Array, b: Float64Array): Float64Array {
  const out = new Float64Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

export const inBins = (edges: Float64Array, reference: Float64Array, current: Float64Array): SharePair => ({
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
export function evidentlyShares(reference: Float64Array, current: Float64Array, options: DriftOptions): SharePair {
  if (new Set(reference).size <= 20) return byValue(reference, current);
  const edges = histogramEdges(concatenated(reference, current), 'sturges', { integer: options.integer === true });
  return inBins(edges, reference, current);
}

/** 30 equal bins of the pool when the pool has over 20 distinct values, else one a value: symmetric in the sides. */
export function fixedShares(reference: Float64Array, current: Float64Array, options: DriftOptions): SharePair {
  const pool = concatenated(reference, current);
  if (new Set(pool).size <= 20) return byValue(reference, current);
  return inBins(histogramEdges(pool, options.bins ?? 30), reference, current);
}

/** Doane's bins of the reference alone; what falls outside makes one more bin whose reference share is 0. */
export function nannymlShares(reference: Float64Array, current: Float64Array): SharePair {
  const pair = inBins(histogramEdges(reference, 'doane'), reference, current);
  const outside = 1 - pair.current.reduce((a, b) => a + b, 0);
  if (!(outside > 0)) return pair;
  return {
    reference: concatenated(pair.reference, Float64Array.of(0)),
    current: concatenated(pair.current, Float64Array.of(outside)),
  };
}

/** Bins (a, b] between the distinct deciles of the reference, open to both sides. */
export function decileShares(reference: Float64Array, current: Float64Array): SharePair {
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
