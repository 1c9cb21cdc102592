import { mulberry32, RelearnError } from '@relearn/kernel';
import { type MetricInput, type Weighted } from '../metrics/input.js';
import type { Metric } from '../metrics/registry.js';
import { quantileSorted } from '../quantile.js';

export interface BootstrapOptions {
  readonly rounds: number;
  /** Of mulberry32: the same seed gives the same result everywhere. */
  readonly seed: number;
  /** Of the two-sided percentile interval, such as 0.95. */
  readonly confidence: number;
}

export interface PairedBootstrap {
  /** On the rows as they are; null where it is not computable. */
  readonly difference: number | null;
  /** Ends of the percentile interval; null when no round was computable. */
  readonly low: number | null;
  readonly high: number | null;
  /** Rounds in which both values were computable; the others (one class drawn) are left out. */
  readonly roundsUsed: number;
  /** Share of the used rounds with a difference of at most 0: the one-sided p-value of `not greater`; null without rounds. */
  readonly pValue: number | null;
}

/** Equal values may differ by rounding: a difference up to this counts as none. */
const NONE = 1e-12;

function requireOptions(options: BootstrapOptions): void {
  const { rounds, confidence } = options;
  if (!Number.isInteger(rounds) || rounds < 1) throw new RelearnError('INVALID_INPUT', `rounds: ${rounds} is no count`);
  if (!(confidence > 0 && confidence < 1)) {
    throw new RelearnError('INVALID_INPUT', `confidence: ${confidence} is not between 0 and 1`);
  }
}

/**
 * Percentile bootstrap (Efron 1979) of the difference first - second of two functions of the same n rows. A round draws
 * floor(u n) n times and hands both functions the number of times each row was drawn, so neither sorts again.
 */
export function bootstrapDifference(
  n: number,
  first: Weighted,
  second: Weighted,
  options: BootstrapOptions,
): PairedBootstrap {
  requireOptions(options);
  const differenceOf = (weights: Float64Array): number | null => {
    const a = first(weights);
    const b = second(weights);
    return a === null || b === null ? null : a - b;
  };
  const weights = new Float64Array(n).fill(1);
  const difference = n === 0 ? null : differenceOf(weights);
  if (difference === null) return { difference, low: null, high: null, roundsUsed: 0, pValue: null };
  const next = mulberry32(options.seed);
  const found = new Float64Array(options.rounds);
  let [used, notGreater] = [0, 0];
  for (let round = 0; round < options.rounds; round++) {
    weights.fill(0);
    for (let i = 0; i < n; i++) {
      const row = Math.floor(next() * n);
      weights[row] = (weights[row] ?? 0) + 1;
    }
    const value = differenceOf(weights);
    if (value === null) continue;
    found[used++] = value;
    if (value <= NONE) notGreater++;
  }
  if (used === 0) return { difference, low: null, high: null, roundsUsed: 0, pValue: null };
  const sorted = found.subarray(0, used).sort();
  const half = (1 - options.confidence) / 2;
  return {
    difference,
    low: quantileSorted(sorted, half),
    high: quantileSorted(sorted, 1 - half),
    roundsUsed: used,
    pValue: notGreater / used,
  };
}

export interface PairedInput extends Omit<MetricInput, 'prediction' | 'weights'> {
  readonly candidate: ArrayLike<number>;
  readonly champion: ArrayLike<number>;
}

/**
 * Paired bootstrap of by how much the candidate is better than the champion in a metric on the same rows: positive is
 * better whichever way the metric runs; `pValue` is the share of rounds in which it was not better.
 */
export function pairedBootstrap(metric: Metric, input: PairedInput, options: BootstrapOptions): PairedBootstrap {
  const { candidate, champion, ...rows } = input;
  const better = metric.prepare({ ...rows, prediction: metric.greaterIsBetter ? candidate : champion });
  const worse = metric.prepare({ ...rows, prediction: metric.greaterIsBetter ? champion : candidate });
  return bootstrapDifference(input.truth.length, better, worse, options);
}
