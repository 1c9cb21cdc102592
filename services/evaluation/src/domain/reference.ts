import type { PipelineSpec } from '@relearn/contracts';
import type { Dataset } from '@relearn/features';
import {
  binnedDriftMethods,
  type Cell,
  ColumnCounter,
  type ColumnReference,
  type ColumnValues,
  quantileSorted,
  type ReferenceProfile,
  referenceProfile,
} from '@relearn/stats';

/** What monitoring compares a model's windows with. Part of the bundle: it changes only with a promoted model. */
export interface Reference {
  readonly profile: ReferenceProfile;
  /** By feature: the drift method and the statistic that the reference's own blocks rarely exceed. */
  readonly drift: Readonly<Record<string, { readonly method: string; readonly threshold: number }>>;
  readonly performance: Readonly<Record<string, number | null>>;
}

export interface Baseline {
  readonly train: Dataset;
  readonly trained: Float64Array;
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
export function buildReference(spec: PipelineSpec, { train, metrics }: Baseline): Reference {
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
          : calibrate(method, reference, values, blocks));
      return [column.name, { method, threshold }];
    }),
  );
  return { profile, drift, performance: metrics };
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

/** Half as much again as the 95 % quantile of the blocks' statistics. */
function calibrate(
  method: string,
  reference: ColumnReference,
  column: ColumnValues,
  blocks: [number, number][],
): number {
  const statistics = blocks.flatMap(([from, to]) => {
    const counter = new ColumnCounter(reference);
    for (let row = from; row < to; row++) counter.add(column.values[row]);
    const { statistic } = binnedDriftMethods[method]?.compute(reference, counter.snapshot()) ?? {};
    return typeof statistic === 'number' && Number.isFinite(statistic) ? [statistic] : [];
  });
  if (statistics.length < 3) return leastThreshold;
  return Math.max(leastThreshold, 1.5 * quantileSorted(Float64Array.from(statistics).sort(), 0.95));
}
