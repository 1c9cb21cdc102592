import { RelearnError } from '@relearn/kernel';
import {
  accuracyOf,
  type Average,
  balancedAccuracyOf,
  type Confusion,
  confusion,
  f1Of,
  precisionOf,
  recallOf,
} from './confusion.js';
import { type MetricInput, never, predictedClasses, requireLengths, type Task, type Weighted } from './input.js';
import { weightedAveragePrecision, weightedRocAuc } from './ranking.js';
import {
  weightedBrier,
  weightedLogLoss,
  weightedMae,
  weightedMape,
  weightedMse,
  weightedR2,
  weightedRmse,
} from './row-means.js';

export interface Metric {
  readonly name: string;
  readonly tasks: readonly Task[];
  readonly greaterIsBetter: boolean;
  /** Does the work that does not depend on weights once: for resampling. Throws INVALID_INPUT when lengths differ. */
  prepare(input: MetricInput): Weighted;
  /** The value with the input's weights; null where it is not computable, never NaN or Infinity. */
  compute(input: MetricInput): number | null;
}

function metric(
  name: string,
  tasks: readonly Task[],
  greaterIsBetter: boolean,
  make: (input: MetricInput) => Weighted,
): Metric {
  const prepare = (input: MetricInput): Weighted => {
    requireLengths(input);
    return make(input);
  };
  return {
    name,
    tasks,
    greaterIsBetter,
    prepare,
    compute: (input) => {
      const weights =
        input.weights === undefined ? new Float64Array(input.truth.length).fill(1) : Float64Array.from(input.weights);
      return prepare(input)(weights);
    },
  };
}

/** A metric of the predicted classes: binary cut at 0.5 or the greatest probability, macro averages for several classes. */
function ofClasses(evaluate: (of: Confusion, average: Average) => number | null): (input: MetricInput) => Weighted {
  return (input) => {
    for (let i = 0; i < input.prediction.length; i++) if (!Number.isFinite(input.prediction[i])) return never;
    const predicted = predictedClasses(input);
    const classes = input.classes ?? 2;
    const average = input.classes === undefined ? 'binary' : 'macro';
    return (weights) => evaluate(confusion(input.truth, predicted, classes, weights), average);
  };
}

const both: readonly Task[] = ['binary', 'multiclass'];
const regression: readonly Task[] = ['regression'];

const all: readonly Metric[] = [
  metric('roc_auc', ['binary'], true, weightedRocAuc),
  metric('average_precision', ['binary'], true, weightedAveragePrecision),
  metric('log_loss', both, false, weightedLogLoss),
  metric('brier', ['binary'], false, weightedBrier),
  metric('accuracy', both, true, ofClasses(accuracyOf)),
  metric('balanced_accuracy', both, true, ofClasses(balancedAccuracyOf)),
  metric('f1', both, true, ofClasses(f1Of)),
  metric('precision', both, true, ofClasses(precisionOf)),
  metric('recall', both, true, ofClasses(recallOf)),
  metric('rmse', regression, false, weightedRmse),
  metric('mse', regression, false, weightedMse),
  metric('mae', regression, false, weightedMae),
  metric('mape', regression, false, weightedMape),
  metric('r2', regression, true, weightedR2),
];

/** Every metric by its name; the definitions are scikit-learn 1.9's. */
export const metrics: Readonly<Record<string, Metric>> = Object.fromEntries(all.map((m) => [m.name, m]));

/** The metric of a name; throws INVALID_INPUT with the names there are. */
export function metricOf(name: string): Metric {
  const found = Object.hasOwn(metrics, name) ? metrics[name] : undefined;
  if (found !== undefined) return found;
  throw new RelearnError('INVALID_INPUT', `unknown metric ${name}; known: ${Object.keys(metrics).join(', ')}`);
}

/** The metric that a task is judged by unless the pipeline names another. */
export const defaultMetric: Readonly<Record<Task, string>> = {
  binary: 'roc_auc',
  multiclass: 'log_loss',
  regression: 'rmse',
};
