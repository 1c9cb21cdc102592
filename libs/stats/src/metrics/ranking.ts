import { finiteColumn, type MetricInput, never, type Weighted } from './input.js';

interface Ranked {
  /** Rows by ascending score. */
  readonly order: Uint32Array;
  readonly positive: Uint8Array;
  /** 1 where the next row in order has another score. */
  readonly groupEnd: Uint8Array;
}

function rank(truth: ArrayLike<number>, score: Float64Array): Ranked {
  const n = score.length;
  const order = new Uint32Array(n).map((_, i) => i).sort((a, b) => (score[a] ?? 0) - (score[b] ?? 0));
  const positive = new Uint8Array(n);
  const groupEnd = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    const row = order[i] ?? 0;
    positive[i] = truth[row] === 1 ? 1 : 0;
    groupEnd[i] = i + 1 === n || score[row] !== score[order[i + 1] ?? 0] ? 1 : 0;
  }
  return { order, positive, groupEnd };
}

/** One pass over the ranking: pairs won, ties counting half (Mann and Whitney 1947). */
function auc({ order, positive, groupEnd }: Ranked, weights: Float64Array): number | null {
  let [won, below, tiedPositive, tiedNegative, positives] = [0, 0, 0, 0, 0];
  for (let i = 0; i < order.length; i++) {
    const weight = weights[order[i] ?? 0] ?? 0;
    if (positive[i] === 1) tiedPositive += weight;
    else tiedNegative += weight;
    if (groupEnd[i] === 0) continue;
    won += tiedPositive * (below + tiedNegative / 2);
    below += tiedNegative;
    positives += tiedPositive;
    tiedPositive = 0;
    tiedNegative = 0;
  }
  const pairs = positives * below;
  return pairs > 0 ? won / pairs : null;
}

/**
 * Area under the ROC curve of a score, ties counting half: the scores are sorted once, each weighting is one O(n) pass.
 * Not computable with one class or a score that is not finite. A score need not be a probability.
 */
export function weightedRocAuc(input: MetricInput): Weighted {
  const score = finiteColumn(input.prediction);
  if (score === undefined) return never;
  const ranked = rank(input.truth, score);
  return (weights) => auc(ranked, weights);
}

/** Sum of precision over the steps of recall, from the highest score downwards, ties together (scikit-learn's). */
function stepwisePrecision({ order, positive, groupEnd }: Ranked, weights: Float64Array): number | null {
  let [hits, seen, tied, sum, rows] = [0, 0, 0, 0, 0];
  for (let i = order.length - 1; i >= 0; i--) {
    const weight = weights[order[i] ?? 0] ?? 0;
    if (positive[i] === 1) tied += weight;
    seen += weight;
    rows++;
    const groupStarts = i === 0 || groupEnd[i - 1] === 1;
    if (!groupStarts) continue;
    hits += tied;
    if (seen > 0) sum += tied * (hits / seen);
    tied = 0;
  }
  // Without a positive row scikit-learn warns and gives 0.
  if (rows === 0) return null;
  return hits > 0 ? sum / hits : 0;
}

/** Average precision; 0 without a positive row, null for no rows or a score that is not finite. */
export function weightedAveragePrecision(input: MetricInput): Weighted {
  const score = finiteColumn(input.prediction);
  if (score === undefined) return never;
  const ranked = rank(input.truth, score);
  return (weights) => stepwisePrecision(ranked, weights);
}
