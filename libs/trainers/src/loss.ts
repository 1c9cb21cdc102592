import { exponential } from './exponential.js';
import type { Task } from './table.js';

/**
 * The loss that early stopping and the metrics use, of row-major predictions against labels: log loss (natural
 * logarithm, probabilities clipped at 1e-15) for classes, root mean squared error for values. NaN for no rows.
 */
export function validationLoss(task: Task, predictions: Float64Array, labels: Float64Array): number {
  const rows = labels.length;
  const width = predictions.length / rows;
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    const label = labels[row]!;
    if (task === 'regression') {
      const error = predictions[row]! - label;
      sum += error * error;
    } else {
      const one = task === 'binary' ? predictions[row]! : predictions[row * width + label]!;
      const likelihood = task === 'binary' && label === 0 ? 1 - one : one;
      sum -= Math.log(Math.min(Math.max(likelihood, 1e-15), 1 - 1e-15));
    }
  }
  return task === 'regression' ? Math.sqrt(sum / rows) : sum / rows;
}

/** Turns raw scores (row-major, `width` a row) into predictions in place: sigmoid, softmax or nothing. */
export function scoresToPredictions(task: Task, scores: Float64Array, width: number): Float64Array {
  if (task === 'binary') {
    for (let i = 0; i < scores.length; i++) scores[i] = 1 / (1 + exponential(-scores[i]!));
  } else if (task === 'multiclass') {
    for (let begin = 0; begin < scores.length; begin += width) softmax(scores, begin, width);
  }
  return scores;
}

function softmax(scores: Float64Array, begin: number, width: number): void {
  let greatest = -Infinity;
  for (let i = begin; i < begin + width; i++) if (scores[i]! > greatest) greatest = scores[i]!;
  let sum = 0;
  for (let i = begin; i < begin + width; i++) {
    const power = exponential(scores[i]! - greatest);
    scores[i] = power;
    sum += power;
  }
  for (let i = begin; i < begin + width; i++) scores[i] = scores[i]! / sum;
}

/**
 * The best constant score: log odds, log shares of the classes, or the mean. A share is kept half a row away from 0
 * and 1, so that a class that does not occur has a finite score.
 */
export function priorScores(task: Task, labels: Float64Array, width: number): Float64Array {
  const rows = labels.length;
  let sum = 0;
  const counts = new Float64Array(task === 'multiclass' ? width : 0);
  for (let row = 0; row < rows; row++) {
    if (task === 'multiclass') counts[labels[row]!]! += 1;
    else sum += labels[row]!;
  }
  if (task === 'regression') return Float64Array.of(Math.fround(sum / rows));
  const least = 0.5 / (rows + 1);
  if (task === 'multiclass') return counts.map((count) => Math.fround(Math.log(Math.max(count / rows, least))));
  const share = Math.min(Math.max(sum / rows, least), 1 - least);
  return Float64Array.of(Math.fround(Math.log(share / (1 - share))));
}

/** Row-major scores that are the same for every row. */
export function repeat(prior: Float64Array, rows: number): Float64Array {
  const width = prior.length;
  const scores = new Float64Array(rows * width);
  for (let i = 0; i < scores.length; i++) scores[i] = prior[i % width]!;
  return scores;
}
