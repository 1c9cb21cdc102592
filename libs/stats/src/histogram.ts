import { RelearnError } from '@relearn/kernel';
import { mean, quantileSorted, standardDeviation } from './quantile.js';

/** numpy's rules for the width of equal bins. */
export type BinRule = 'auto' | 'sturges' | 'doane' | 'fd' | 'scott' | 'rice' | 'sqrt';

interface Sample {
  readonly values: Float64Array;
  readonly range: number;
}

const squareRoot = ({ values, range }: Sample): number => range / Math.sqrt(values.length);
const sturges = ({ values, range }: Sample): number => range / (Math.log2(values.length) + 1);

/** Freedman and Diaconis (1981): twice the interquartile range over the cube root of n. */
function freedmanDiaconis({ values }: Sample): number {
  const sorted = values.slice().sort();
  return 2 * (quantileSorted(sorted, 0.75) - quantileSorted(sorted, 0.25)) * values.length ** (-1 / 3);
}

/** Doane (1976): Sturges' rule with a term for the skewness. 0 (one bin) for at most two values or no spread. */
function doane({ values, range }: Sample): number {
  const n = values.length;
  const sigma = standardDeviation(values);
  if (n <= 2 || !(sigma > 0)) return 0;
  const centre = mean(values);
  const skewness = mean(values.map((v) => ((v - centre) / sigma) ** 3));
  const skewnessError = Math.sqrt((6 * (n - 2)) / ((n + 1) * (n + 3)));
  return range / (1 + Math.log2(n) + Math.log2(1 + Math.abs(skewness) / skewnessError));
}

const widthRules: Readonly<Record<BinRule, (sample: Sample) => number>> = {
  sturges,
  doane,
  fd: freedmanDiaconis,
  // At most twice as many bins as `sqrt` gives, so that an outlier beside a narrow middle makes no million bins.
  auto: (sample) => Math.min(Math.max(freedmanDiaconis(sample), squareRoot(sample) / 2), sturges(sample)),
  scott: ({ values }) => Math.cbrt((24 * Math.sqrt(Math.PI)) / values.length) * standardDeviation(values),
  rice: ({ values, range }) => range / (2 * values.length ** (1 / 3)),
  sqrt: squareRoot,
};

/** count + 1 edges from low to high in the bits of numpy's `linspace`; equal ends give the width ±0.5 around them. */
export function equalEdges(low: number, high: number, count: number): Float64Array {
  const [first, last] = low === high ? [low - 0.5, high + 0.5] : [low, high];
  const step = (last - first) / count;
  const edges = Float64Array.from({ length: count + 1 }, (_, i) => i * step + first);
  edges[count] = last;
  return edges;
}

/** Least and greatest value; throws INVALID_INPUT when one is not finite, as numpy does. */
function finiteRange(values: Float64Array): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value)) throw new RelearnError('INVALID_INPUT', `histogram over the value ${value}`);
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

export interface BinOptions {
  /** The column holds integers: bins are never narrower than 1 (numpy >= 2 with an integer dtype). */
  readonly integer?: boolean;
}

/**
 * Edges of `numpy.histogram_bin_edges` (numpy 2.4) for a rule or a number of bins; one bin on [0, 1] for no values.
 * Throws INVALID_INPUT when a value is not finite or the bins would have no width.
 */
export function histogramEdges(values: Float64Array, bins: BinRule | number, options: BinOptions = {}): Float64Array {
  if (values.length === 0) return equalEdges(0, 1, typeof bins === 'number' ? bins : 1);
  const [low, high] = finiteRange(values);
  let count = 1;
  if (typeof bins === 'number') count = bins;
  else {
    let width = widthRules[bins]({ values, range: high - low });
    if (width > 0) {
      if (options.integer === true && width < 1) width = 1;
      const span = low === high ? 1 : high - low;
      count = Math.ceil(span / width);
    }
  }
  const edges = equalEdges(low, high, count);
  if ((edges[1] ?? 0) <= (edges[0] ?? 0)) {
    throw new RelearnError('INVALID_INPUT', `${count} bins between ${low} and ${high} would have no width`);
  }
  return edges;
}

/** Number of entries of ascending `sorted` that are below x, or at most x. */
export function rankOf(sorted: ArrayLike<number>, x: number, inclusive: boolean): number {
  let from = 0;
  let to = sorted.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    const value = sorted[middle] ?? Number.NaN;
    if (value < x || (inclusive && value === x)) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** Counts per bin [e_i, e_i+1), the last one closed on both sides; values outside and NaN are not counted. */
export function histogramCounts(values: ArrayLike<number>, edges: Float64Array): Float64Array {
  const bins = edges.length - 1;
  const counts = new Float64Array(bins);
  const low = edges[0] ?? Number.NaN;
  const high = edges[bins] ?? Number.NaN;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN;
    if (!(value >= low && value <= high)) continue;
    const bin = Math.min(bins - 1, rankOf(edges, value, true) - 1);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts;
}
