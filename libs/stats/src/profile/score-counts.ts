import { RelearnError } from '@relearn/kernel';
import { logLossOf } from '../metrics/row-means.js';
import { metricOf } from '../metrics/registry.js';
import { addTotals, ExactSum, type ExactTotal, valueOf } from './exact-sum.js';

export const SCORE_BINS = 2000;

/**
 * Labelled scores of a binary model: how many of each class fall in each of 2,000 equal bins of [0, 1] (only bins with
 * rows, ascending), and the exact sums of log loss and squared error. Merging is exact in any order. Plain JSON.
 */
export interface ScoreCounts {
  readonly task: 'binary';
  readonly bins: readonly number[];
  readonly negatives: readonly number[];
  readonly positives: readonly number[];
  readonly logLoss: ExactTotal;
  readonly squaredError: ExactTotal;
  /** Rows whose score is not in [0, 1] or whose truth is neither 0 nor 1: in no figure. */
  readonly unusable: number;
}

interface Dense {
  readonly negatives: Float64Array;
  readonly positives: Float64Array;
}

export const emptyScores: ScoreCounts = {
  task: 'binary',
  bins: [],
  negatives: [],
  positives: [],
  logLoss: '0',
  squaredError: '0',
  unusable: 0,
};

function addDense(into: Dense, { bins, negatives, positives }: ScoreCounts): void {
  for (const [i, bin] of bins.entries()) {
    if (!Number.isInteger(bin) || bin < 0 || bin >= SCORE_BINS) {
      throw new RelearnError('INVALID_INPUT', `${bin} is none of ${SCORE_BINS} score bins`);
    }
    into.negatives[bin] = (into.negatives[bin] ?? 0) + (negatives[i] ?? 0);
    into.positives[bin] = (into.positives[bin] ?? 0) + (positives[i] ?? 0);
  }
}

const dense = (): Dense => ({ negatives: new Float64Array(SCORE_BINS), positives: new Float64Array(SCORE_BINS) });

function sparse({ negatives, positives }: Dense): Pick<ScoreCounts, 'bins' | 'negatives' | 'positives'> {
  const bins: number[] = [];
  for (let i = 0; i < SCORE_BINS; i++) if ((negatives[i] ?? 0) + (positives[i] ?? 0) > 0) bins.push(i);
  return { bins, negatives: bins.map((i) => negatives[i] ?? 0), positives: bins.map((i) => positives[i] ?? 0) };
}

/** Counts the labelled scores of one window. */
export class ScoreCounter {
  readonly task = 'binary';
  private readonly counts = dense();
  private readonly logLoss = new ExactSum();
  private readonly squaredError = new ExactSum();
  private readonly start: ScoreCounts;
  private unusable: number;

  constructor(start: ScoreCounts = emptyScores) {
    this.start = start;
    this.unusable = start.unusable;
    addDense(this.counts, start);
  }

  /** @param truth 0 or 1 @param score probability of class 1 */
  add(truth: number, score: number): void {
    if (!(score >= 0 && score <= 1) || (truth !== 0 && truth !== 1)) {
      this.unusable++;
      return;
    }
    const bin = Math.min(SCORE_BINS - 1, Math.floor(score * SCORE_BINS));
    const side = truth === 1 ? this.counts.positives : this.counts.negatives;
    side[bin] = (side[bin] ?? 0) + 1;
    this.logLoss.add(logLossOf(truth === 1 ? score : 1 - score));
    this.squaredError.add((score - truth) ** 2);
  }

  snapshot(): ScoreCounts {
    return {
      task: 'binary',
      ...sparse(this.counts),
      logLoss: addTotals(this.start.logLoss, this.logLoss.total()),
      squaredError: addTotals(this.start.squaredError, this.squaredError.total()),
      unusable: this.unusable,
    };
  }
}

/** Both windows together: associative and commutative to the byte. */
export function mergeScores(a: ScoreCounts, b: ScoreCounts): ScoreCounts {
  const counts = dense();
  addDense(counts, a);
  addDense(counts, b);
  return {
    task: 'binary',
    ...sparse(counts),
    logLoss: addTotals(a.logLoss, b.logLoss),
    squaredError: addTotals(a.squaredError, b.squaredError),
    unusable: a.unusable + b.unusable,
  };
}

/**
 * A binary metric of the counted rows. log_loss and brier come from the exact sums; those of the predicted class (cut
 * 0.5, an edge of the bins) are exact too; roc_auc and average_precision take the scores of one bin as equal, which moves
 * roc_auc by at most half the share of pairs of the two classes in one bin. null where it is not computable.
 */
export function scoreMetric(name: string, counts: ScoreCounts): number | null {
  const { bins, negatives, positives } = counts;
  const weights = [...negatives, ...positives];
  const rows = weights.reduce((a, b) => a + b, 0);
  if (name === 'log_loss') return rows === 0 ? null : valueOf(counts.logLoss) / rows;
  if (name === 'brier') return rows === 0 ? null : valueOf(counts.squaredError) / rows;
  const centres = bins.map((bin) => (bin + 0.5) / SCORE_BINS);
  return metricOf(name).compute({
    truth: [...bins.map(() => 0), ...bins.map(() => 1)],
    prediction: [...centres, ...centres],
    weights,
  });
}
