import { RelearnError } from '@relearn/kernel';
import { addTotals, ExactSum, type ExactTotal, valueOf } from './exact-sum.js';

const sums = ['absolute', 'squared', 'relative', 'truth', 'truthSquared'] as const;
type SumName = (typeof sums)[number];

/** Labelled predictions of a regression as exact sums, so merging is exact in any order. Plain JSON. */
export interface ErrorSums extends Readonly<Record<SumName, ExactTotal>> {
  readonly task: 'regression';
  readonly rows: number;
  /** Rows whose truth or prediction is not finite, or whose squares are not: in no figure. */
  readonly unusable: number;
}

export const emptyErrors: ErrorSums = {
  task: 'regression',
  rows: 0,
  absolute: '0',
  squared: '0',
  relative: '0',
  truth: '0',
  truthSquared: '0',
  unusable: 0,
};

/** Sums the errors of the labelled predictions of one window. */
export class ErrorCounter {
  readonly task = 'regression';
  private readonly start: ErrorSums;
  private readonly added: Readonly<Record<SumName, ExactSum>>;
  private rows = 0;
  private unusable = 0;

  constructor(start: ErrorSums = emptyErrors) {
    this.start = start;
    this.added = {
      absolute: new ExactSum(),
      squared: new ExactSum(),
      relative: new ExactSum(),
      truth: new ExactSum(),
      truthSquared: new ExactSum(),
    };
  }

  add(truth: number, prediction: number): void {
    const error = Math.abs(truth - prediction);
    const relative = error / Math.max(Number.EPSILON, Math.abs(truth));
    if (!Number.isFinite(error * error) || !Number.isFinite(truth * truth) || !Number.isFinite(relative)) {
      this.unusable++;
      return;
    }
    this.rows++;
    this.added.absolute.add(error);
    this.added.squared.add(error * error);
    this.added.relative.add(relative);
    this.added.truth.add(truth);
    this.added.truthSquared.add(truth * truth);
  }

  snapshot(): ErrorSums {
    const { rows, unusable } = this;
    const { absolute, squared, relative, truth, truthSquared } = this.added;
    return mergeErrors(this.start, {
      task: 'regression',
      rows,
      absolute: absolute.total(),
      squared: squared.total(),
      relative: relative.total(),
      truth: truth.total(),
      truthSquared: truthSquared.total(),
      unusable,
    });
  }
}

/** Both windows together: associative and commutative to the byte. */
export function mergeErrors(a: ErrorSums, b: ErrorSums): ErrorSums {
  return {
    task: 'regression',
    rows: a.rows + b.rows,
    absolute: addTotals(a.absolute, b.absolute),
    squared: addTotals(a.squared, b.squared),
    relative: addTotals(a.relative, b.relative),
    truth: addTotals(a.truth, b.truth),
    truthSquared: addTotals(a.truthSquared, b.truthSquared),
    unusable: a.unusable + b.unusable,
  };
}

/** 1 - residual / spread, the spread from the sums of truth and its square: it loses digits where mean >> deviation. */
function r2(of: ErrorSums): number | null {
  if (of.rows < 2) return null;
  const residual = valueOf(of.squared);
  const spread = valueOf(of.truthSquared) - valueOf(of.truth) ** 2 / of.rows;
  if (spread <= 0) return residual === 0 ? 1 : 0;
  return 1 - residual / spread;
}

/** A metric of the summed rows; null without rows. Throws INVALID_INPUT for one it does not know. */
export function errorMetric(name: string, of: ErrorSums): number | null {
  const meanOf = (sum: SumName): number | null => (of.rows === 0 ? null : valueOf(of[sum]) / of.rows);
  switch (name) {
    case 'mae':
      return meanOf('absolute');
    case 'mse':
      return meanOf('squared');
    case 'rmse': {
      const mse = meanOf('squared');
      return mse === null ? null : Math.sqrt(mse);
    }
    case 'mape':
      return meanOf('relative');
    case 'r2':
      return r2(of);
    default:
      throw new RelearnError('INVALID_INPUT', `${name} is no metric of a regression`);
  }
}
