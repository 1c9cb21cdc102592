import type { PipelineSpec } from '@relearn/contracts';
import type { Dataset } from '@relearn/features';
import { mulberry32 } from '@relearn/kernel';
import {
  binnedDriftMethods,
  bootstrapDifference,
  type Cell,
  ColumnCounter,
  type ColumnReference,
  type ColumnValues,
  metricOf,
  quantileSorted,
  type ReferenceProfile,
  referenceProfile,
} from '@relearn/stats';

/** What monitoring compares a model's windows with. Part of the bundle: it changes only with a promoted model. */
export interface Reference {
  readonly profile: ReferenceProfile;
  /** By feature: the drift method and the statistic that the reference's own blocks rarely exceed. */
  readonly drift: Readonly<Record<string, { readonly method: string; readonly threshold: number }>>;
  /** Rows of a typical window, for which the thresholds hold. */
  readonly windowRows: number;
  readonly performance: Readonly<Record<string, number | null>>;
  /** How far chance alone may have moved the pipeline's metric on the hold-out; null: not computable. */
  readonly error: { readonly standardError: number; readonly rows: number } | null;
}

export interface Baseline {
  readonly train: Dataset;
  readonly holdOut: Dataset;
  readonly predicted: Float64Array;
  readonly metrics: Readonly<Record<string, number | null>>;
}

/** The least threshold that a calibration may give: below it a difference is of no importance, however rare. */
const leastThreshold = 0.1;

/**
 * Profiles the training rows and calibrates each feature's threshold on blocks of them: consecutive windows as monitoring
 * will cut them, since rows are autocorrelated and a threshold for independent rows would alarm on every block.
 */
export function buildReference(spec: PipelineSpec, { train, metrics, holdOut, predicted }: Baseline): Reference {
  const columns = Object.fromEntries(train.columns.map((column) => [column.name, valuesOf(column)]));
  const profile = referenceProfile(columns);
  const blocks = windowsOf(train.times, spec.monitor.window);
  const drift = Object.fromEntries(
    train.columns.map((column) => {
      const method = column.kind === 'number' ? spec.monitor.drift.number : spec.monitor.drift.category;
      const reference = profile.columns[column.name];
      const values = columns[column.name];
      const threshold =
        spec.monitor.drift.threshold ??
        (reference === undefined || values === undefined
          ? leastThreshold
          : calibrate(method, reference, values, blocks, spec.train.seed));
      return [column.name, { method, threshold }];
    }),
  );
  const error = standardErrorOf(spec, holdOut, predicted);
  return { profile, drift, windowRows: typicalRows(blocks), performance: metrics, error };
}
const errorRounds = 200;
/** Of a normal distribution within one standard deviation of its mean. */
const withinOne = 0.6827;

/** Half the width of the bootstrap's 68 % interval (Efron 1979). */
function standardErrorOf(spec: PipelineSpec, holdOut: Dataset, predicted: Float64Array): Reference['error'] {
  const metric = metricOf(spec.evaluate.metrics[0]?.name ?? '');
  const classes = spec.train.task === 'multiclass' ? { classes: spec.label.classes.length } : {};
  const measured = metric.prepare({ truth: holdOut.labels, prediction: predicted, ...classes });
  const options = { rounds: errorRounds, seed: spec.train.seed, confidence: withinOne };
  const { low, high } = bootstrapDifference(holdOut.rows, measured, () => 0, options);
  return low === null || high === null ? null : { standardError: (high - low) / 2, rows: holdOut.rows };
}

function valuesOf(column: Dataset['columns'][number]): ColumnValues {
  if (column.kind === 'number') return { kind: 'numeric', values: column.values };
  const values: Cell[] = Array.from(column.codes, (code) => column.dictionary[code] ?? null);
  return { kind: 'categorical', values };
}

/** Row ranges of consecutive windows; a first or last one that is cut off short is left out. */
function windowsOf(times: Float64Array, width: number): [number, number][] {
  const ranges: [number, number][] = [];
  let from = 0;
  for (let row = 1; row <= times.length; row++) {
    const here = row === times.length ? Number.POSITIVE_INFINITY : Math.floor((times[row] ?? 0) / width);
    if (here === Math.floor((times[from] ?? 0) / width)) continue;
    ranges.push([from, row]);
    from = row;
  }
  return ranges.length > 2 ? ranges.slice(1, -1) : ranges;
}

/** Rows of a typical window. */
function typicalRows(blocks: readonly [number, number][]): number {
  const lengths = Float64Array.from(blocks, ([from, to]) => to - from).sort();
  return lengths.length === 0 ? 0 : Math.max(1, Math.round(quantileSorted(lengths, 0.5)));
}

const draws = 100;

/**
 * Half as much again as the 95 % quantile of the blocks' statistics, and no less than what 99 % of windows of independent
 * rows stay below: few blocks say little, and they are part of what they are compared with. A method that judges by
 * p-value needs no calibration.
 */
function calibrate(
  name: string,
  reference: ColumnReference,
  { values }: ColumnValues,
  blocks: readonly [number, number][],
  seed: number,
): number {
  const method = binnedDriftMethods[name];
  if (method === undefined) return leastThreshold;
  if (method.compares === 'pValue') return method.threshold ?? leastThreshold;
  const statisticOf = (rows: Iterable<number>): number[] => {
    const counter = new ColumnCounter(reference);
    for (const row of rows) counter.add(values[row]);
    const { statistic } = method.compute(reference, counter.snapshot());
    return statistic !== null && Number.isFinite(statistic) ? [statistic] : [];
  };
  const next = mulberry32(seed);
  const typical = typicalRows(blocks);
  const ofBlocks = blocks.flatMap(([from, to]) => statisticOf(range(from, to)));
  const drawn = Array.from({ length: draws }, () => statisticOf(sample(typical, values.length, next))).flat();
  const own = 1 + typical / Math.max(1, values.length);
  return Math.max(leastThreshold, 1.5 * quantileOf(ofBlocks, 0.95), own * quantileOf(drawn, 0.99));
}

function quantileOf(values: readonly number[], share: number): number {
  return values.length < 3 ? 0 : quantileSorted(Float64Array.from(values).sort(), share);
}

function* range(from: number, to: number): Generator<number> {
  for (let row = from; row < to; row++) yield row;
}

function* sample(rows: number, of: number, next: () => number): Generator<number> {
  for (let i = 0; i < rows; i++) yield Math.floor(next() * of);
}
