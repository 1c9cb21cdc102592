import { scoresToPredictions, validationLoss } from '../loss.js';
import type { Task } from '../table.js';
import type { Design } from './encoding.js';
import { type MinimiseOptions, minimise } from './lbfgs.js';
import { addGradient, fillScores, weightCount } from './scores.js';

export interface FitOptions extends MinimiseOptions {
  /** The penalty's weight against the sum of the rows' losses; intercepts are free. */
  readonly l2: number;
}

export interface Fit {
  readonly weights: Float64Array;
  readonly iterations: number;
}

/**
 * Minimises (sum of losses + l2 / 2 * |weights|^2) / rows from the best constant on: log loss, or half the squared error.
 * Labels of a regression are best given standardised.
 */
export function fitLinear(
  task: Task,
  design: Design,
  labels: Float64Array,
  prior: Float64Array,
  options: FitOptions,
): Fit {
  const outputs = prior.length;
  const count = weightCount(design);
  const { rows } = design;
  const weights = new Float64Array(outputs * count);
  prior.forEach((score, output) => {
    weights[output * count] = score;
  });
  const scores = new Float64Array(rows * outputs);
  const objective = (point: Float64Array, gradient: Float64Array): number => {
    fillScores(design, point, outputs, scores);
    scoresToPredictions(task, scores, outputs);
    const loss = validationLoss(task, scores, labels);
    for (let row = 0; row < rows; row++) {
      if (task === 'multiclass') scores[row * outputs + labels[row]!]! -= 1;
      else scores[row] = scores[row]! - labels[row]!;
    }
    gradient.fill(0);
    addGradient(design, scores, outputs, gradient);
    let penalty = 0;
    for (let i = 0; i < point.length; i++) {
      const weight = i % count === 0 ? 0 : point[i]!;
      penalty += weight * weight;
      gradient[i] = (gradient[i]! + options.l2 * weight) / rows;
    }
    return (task === 'regression' ? (loss * loss) / 2 : loss) + (options.l2 * penalty) / (2 * rows);
  };
  return { weights, iterations: minimise(objective, weights, options) };
}
