import {
  finiteColumn,
  finiteOrNull,
  type MetricInput,
  never,
  probabilityColumn,
  totalWeight,
  type Weighted,
} from './input.js';

/** Probabilities are clipped to [eps, 1 - eps] before the logarithm (scikit-learn's, in float64). */
export const LOG_LOSS_EPSILON = Number.EPSILON;

/** Loss of one row whose true class has probability p, in nats: at most 36.04. */
export function logLossOf(p: number): number {
  return -Math.log(Math.min(1 - LOG_LOSS_EPSILON, Math.max(LOG_LOSS_EPSILON, p)));
}

/** Weighted mean of one loss a row. */
function meanOf(losses: Float64Array): Weighted {
  return (weights) => {
    let sum = 0;
    let total = 0;
    for (let i = 0; i < losses.length; i++) {
      const weight = weights[i] ?? 0;
      sum += weight * (losses[i] ?? 0);
      total += weight;
    }
    return total > 0 ? finiteOrNull(sum / total) : null;
  };
}

/**
 * Mean log loss in nats of the true class's probability. Rows of several classes are normalised to sum 1 first. Null
 * for a probability outside [0, 1] or a truth that is no class.
 */
export function weightedLogLoss(input: MetricInput): Weighted {
  const p = probabilityColumn(input.prediction);
  if (p === undefined) return never;
  const { classes, truth } = input;
  const losses = new Float64Array(truth.length);
  for (let i = 0; i < truth.length; i++) {
    const actual = truth[i] ?? Number.NaN;
    if (!Number.isInteger(actual) || actual < 0 || actual >= (classes ?? 2)) return never;
    if (classes === undefined) losses[i] = logLossOf(actual === 1 ? (p[i] ?? 0) : 1 - (p[i] ?? 0));
    else {
      const row = p.subarray(i * classes, (i + 1) * classes);
      losses[i] = logLossOf((row[actual] ?? 0) / totalWeight(row));
    }
  }
  return losses.some(Number.isNaN) ? never : meanOf(losses);
}

/** Mean squared difference of probability and outcome (Brier 1950); null for a probability outside [0, 1]. */
export function weightedBrier(input: MetricInput): Weighted {
  const p = probabilityColumn(input.prediction);
  return p === undefined ? never : meanOf(p.map((value, i) => (value - (input.truth[i] ?? 0)) ** 2));
}

type RowLoss = (truth: number, prediction: number) => number;

function regression(input: MetricInput, loss: RowLoss): Weighted {
  const truth = finiteColumn(input.truth);
  const prediction = finiteColumn(input.prediction);
  if (truth === undefined || prediction === undefined) return never;
  return meanOf(truth.map((y, i) => loss(y, prediction[i] ?? 0)));
}

export const weightedMae = (input: MetricInput): Weighted => regression(input, (y, p) => Math.abs(y - p));
export const weightedMse = (input: MetricInput): Weighted => regression(input, (y, p) => (y - p) ** 2);

/** Mean of |error| / max(eps, |truth|), a share and not per cent: a true 0 gives a huge number, as in scikit-learn. */
export const weightedMape = (input: MetricInput): Weighted =>
  regression(input, (y, p) => Math.abs(y - p) / Math.max(Number.EPSILON, Math.abs(y)));

export function weightedRmse(input: MetricInput): Weighted {
  const mse = weightedMse(input);
  return (weights) => {
    const value = mse(weights);
    return value === null ? null : Math.sqrt(value);
  };
}

/**
 * Coefficient of determination. As in scikit-learn: null for fewer than two rows; a constant truth gives 1 for a
 * perfect prediction and 0 for any other.
 */
export function weightedR2(input: MetricInput): Weighted {
  const truth = finiteColumn(input.truth);
  const prediction = finiteColumn(input.prediction);
  if (truth === undefined || prediction === undefined || truth.length < 2) return never;
  return (weights) => {
    let [sum, total] = [0, 0];
    for (let i = 0; i < truth.length; i++) {
      sum += (weights[i] ?? 0) * (truth[i] ?? 0);
      total += weights[i] ?? 0;
    }
    if (total <= 0) return null;
    const centre = sum / total;
    let [residual, spread] = [0, 0];
    for (let i = 0; i < truth.length; i++) {
      const y = truth[i] ?? 0;
      residual += (weights[i] ?? 0) * (y - (prediction[i] ?? 0)) ** 2;
      spread += (weights[i] ?? 0) * (y - centre) ** 2;
    }
    if (spread === 0) return residual === 0 ? 1 : 0;
    return finiteOrNull(1 - residual / spread);
  };
}
