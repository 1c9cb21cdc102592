import { exponential } from '../exponential.js';
import type { Task } from '../table.js';

/** First and second derivative of the loss by the score: [2 * row] and [2 * row + 1]. */
export type Gradients = Float64Array;

/** Keeps Newton steps finite where a model is certain. */
const leastHessian = 1e-6;

/**
 * First and second derivatives of the loss by the score of one output, at row-major scores: log loss through the sigmoid
 * or softmax, half the squared error for values. The softmax hessian has LightGBM's factor k / (k - 1), which makes two
 * classes equal to the sigmoid.
 */
export function fillGradients(
  task: Task,
  labels: Float64Array,
  scores: Float64Array,
  width: number,
  output: number,
  target: Gradients,
): void {
  if (task === 'regression') squared(labels, scores, target);
  else if (task === 'binary') logistic(labels, scores, target);
  else softmax(labels, scores, width, output, target);
}

function squared(labels: Float64Array, scores: Float64Array, target: Gradients): void {
  for (let row = 0; row < labels.length; row++) {
    target[2 * row] = scores[row]! - labels[row]!;
    target[2 * row + 1] = 1;
  }
}

function logistic(labels: Float64Array, scores: Float64Array, target: Gradients): void {
  for (let row = 0; row < labels.length; row++) {
    const probability = 1 / (1 + exponential(-scores[row]!));
    target[2 * row] = probability - labels[row]!;
    target[2 * row + 1] = Math.max(probability * (1 - probability), leastHessian);
  }
}

/** `scores` are probabilities here: the caller has turned them once for all outputs of the round. */
function softmax(
  labels: Float64Array,
  probabilities: Float64Array,
  width: number,
  output: number,
  target: Gradients,
): void {
  const factor = width / (width - 1);
  for (let row = 0; row < labels.length; row++) {
    const probability = probabilities[row * width + output]!;
    target[2 * row] = probability - (labels[row] === output ? 1 : 0);
    target[2 * row + 1] = Math.max(factor * probability * (1 - probability), leastHessian);
  }
}
