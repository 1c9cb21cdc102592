import { RelearnError } from '@relearn/kernel';
import { accuracyOf, balancedAccuracyOf, type Confusion, f1Of, precisionOf, recallOf } from '../metrics/confusion.js';
import { logLossOf } from '../metrics/row-means.js';
import { addTotals, ExactSum, type ExactTotal, valueOf } from './exact-sum.js';

/** Labelled predictions of a model of several classes: the confusion and the exact sum of log loss. Plain JSON. */
export interface ClassCounts {
  readonly task: 'multiclass';
  readonly classes: number;
  /** classes x classes rows by true class (row) and predicted class (column). */
  readonly cells: readonly number[];
  readonly logLoss: ExactTotal;
  /** Rows with a truth that is no class or probabilities outside [0, 1]: in no figure. */
  readonly unusable: number;
}

export function emptyClasses(classes: number): ClassCounts {
  return {
    task: 'multiclass',
    classes,
    cells: Array.from({ length: classes * classes }, () => 0),
    logLoss: '0',
    unusable: 0,
  };
}

/** Counts the labelled predictions of one window. */
export class ClassCounter {
  readonly task = 'multiclass';
  private readonly start: ClassCounts;
  private readonly cells: Float64Array;
  private readonly logLoss = new ExactSum();
  private unusable: number;

  constructor(start: ClassCounts) {
    this.start = start;
    this.cells = Float64Array.from(start.cells);
    this.unusable = start.unusable;
  }

  /** @param truth index of the class @param probabilities one a class; they are normalised to sum 1 */
  add(truth: number, probabilities: ArrayLike<number>): void {
    const { classes } = this.start;
    let [best, sum] = [0, 0];
    let usable = probabilities.length === classes && Number.isInteger(truth) && truth >= 0 && truth < classes;
    for (let c = 0; c < probabilities.length; c++) {
      const p = probabilities[c] ?? Number.NaN;
      usable &&= p >= 0 && p <= 1;
      sum += p;
      if (p > (probabilities[best] ?? 0)) best = c;
    }
    if (!usable || sum === 0) {
      this.unusable++;
      return;
    }
    const cell = truth * classes + best;
    this.cells[cell] = (this.cells[cell] ?? 0) + 1;
    this.logLoss.add(logLossOf((probabilities[truth] ?? 0) / sum));
  }

  snapshot(): ClassCounts {
    const { classes, logLoss } = this.start;
    const cells = [...this.cells];
    return {
      task: 'multiclass',
      classes,
      cells,
      logLoss: addTotals(logLoss, this.logLoss.total()),
      unusable: this.unusable,
    };
  }
}

/** Both windows together: associative and commutative to the byte. */
export function mergeClasses(a: ClassCounts, b: ClassCounts): ClassCounts {
  if (a.classes !== b.classes) {
    throw new RelearnError('INVALID_INPUT', `counts of ${a.classes} classes meet those of ${b.classes}`);
  }
  return {
    task: 'multiclass',
    classes: a.classes,
    cells: a.cells.map((count, i) => count + (b.cells[i] ?? 0)),
    logLoss: addTotals(a.logLoss, b.logLoss),
    unusable: a.unusable + b.unusable,
  };
}

/** A metric of the counted rows (macro averages); null without rows. Throws INVALID_INPUT for one it does not know. */
export function classMetric(name: string, counts: ClassCounts): number | null {
  const of: Confusion = { classes: counts.classes, cells: Float64Array.from(counts.cells) };
  const rows = of.cells.reduce((a, b) => a + b, 0);
  switch (name) {
    case 'log_loss':
      return rows === 0 ? null : valueOf(counts.logLoss) / rows;
    case 'accuracy':
      return accuracyOf(of);
    case 'balanced_accuracy':
      return balancedAccuracyOf(of);
    case 'f1':
      return f1Of(of, 'macro');
    case 'precision':
      return precisionOf(of, 'macro');
    case 'recall':
      return recallOf(of, 'macro');
    default:
      throw new RelearnError('INVALID_INPUT', `${name} is no metric of several classes`);
  }
}
