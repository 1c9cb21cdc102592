import { priorScores, scoresToPredictions, validationLoss } from '../loss.js';
import { type ParametersSchema, resolveParameters } from '../parameters.js';
import { checkTable, type Table, type Task } from '../table.js';
import {
  checkCancelled,
  checkTrainingInput,
  outputWidth,
  type TrainedModel,
  type Trainer,
  type TrainingInput,
} from '../trainer.js';
import { type ColumnEncoding, encode, fitEncoding } from './encoding.js';
import { fitLinear } from './fit.js';
import { type LinearModel, lowerLinear } from './lower.js';
import { fillScores } from './scores.js';

const parametersSchema: ParametersSchema = {
  l2: {
    type: 'number',
    default: 1,
    min: 0,
    max: 1e9,
    description: 'L2 penalty on standardised weights, against the sum of the losses.',
  },
  max_iterations: { type: 'integer', default: 100, min: 1, max: 10_000, description: 'Iterations of L-BFGS at most.' },
  tolerance: {
    type: 'number',
    default: 1e-4,
    min: 0,
    max: 1,
    description: 'Stop where no component of the mean gradient exceeds this.',
  },
  category_limit: {
    type: 'integer',
    default: 1000,
    min: 1,
    max: 100_000,
    description: 'Most frequent values of a category column that have a weight; the others count as missing.',
  },
};

/** Logistic regression with an L2 penalty; softmax for more than two classes. */
export const logistic: Trainer = {
  name: 'logistic',
  tasks: ['binary', 'multiclass'],
  parametersSchema,
  train: (input) => train(logistic, input),
};

/** Linear regression with an L2 penalty (ridge). */
export const linear: Trainer = {
  name: 'linear',
  tasks: ['regression'],
  parametersSchema,
  train: (input) => train(linear, input),
};

/** Numbers are imputed by their mean and standardised, missing values flagged, categories have a weight a value. */
function train(trainer: Trainer, input: TrainingInput): TrainedModel {
  checkTrainingInput(trainer, input);
  const parameters = resolveParameters(parametersSchema, input.parameters);
  const { task, classes, trainLabels } = input;
  const encodings = fitEncoding(input.train, parameters.number('category_limit'));
  const target =
    task === 'regression' ? standardiseLabels(trainLabels) : { labels: trainLabels, mean: 0, deviation: 1 };
  const prior = priorScores(task, target.labels, outputWidth(task, classes));
  const maxIterations = parameters.number('max_iterations');
  const fit = fitLinear(task, encode(encodings, input.train), target.labels, prior, {
    l2: parameters.number('l2'),
    tolerance: parameters.number('tolerance'),
    maxIterations,
    onIteration: (iteration) => {
      checkCancelled(input);
      input.onProgress?.(iteration, maxIterations);
    },
  });
  const count = fit.weights.length / prior.length;
  const weights = fit.weights.map((weight, i) =>
    Math.fround(weight * target.deviation + (i % count === 0 ? target.mean : 0)),
  );
  const model: LinearModel = { encodings, outputs: prior.length, weights };
  const predict = (table: Table) => predictLinear(model, task, table);
  const lossOf = (table: Table, labels: Float64Array) => validationLoss(task, predict(table), labels);
  return {
    onnx: lowerLinear(model, task, classes),
    metrics: {
      train_loss: lossOf(input.train, trainLabels),
      ...(input.valid.rows > 0 ? { validation_loss: lossOf(input.valid, input.validLabels) } : {}),
      iterations: fit.iterations,
    },
    info: { weights: weights.length, converged: fit.iterations < maxIterations, columns: usedColumns(encodings) },
    predict,
  };
}

function standardiseLabels(labels: Float64Array): { labels: Float64Array; mean: number; deviation: number } {
  const mean = labels.reduce((sum, label) => sum + label, 0) / labels.length;
  const squares = labels.reduce((sum, label) => sum + (label - mean) ** 2, 0);
  const deviation = squares > 0 ? Math.sqrt(squares / labels.length) : 1;
  return { labels: labels.map((label) => (label - mean) / deviation), mean, deviation };
}

function predictLinear(model: LinearModel, task: Task, table: Table): Float64Array {
  checkTable(table, 'table');
  const scores = new Float64Array(table.rows * model.outputs);
  fillScores(encode(model.encodings, table), model.weights, model.outputs, scores);
  return scoresToPredictions(task, scores, model.outputs);
}

/** What became of each column: weights of its own, or none. */
function usedColumns(encodings: readonly ColumnEncoding[]): Record<string, string> {
  return Object.fromEntries(
    encodings.map((encoding) => {
      if (encoding.kind === 'category') return [encoding.name, `${encoding.values.length} categories`];
      if (encoding.scale === 0) return [encoding.name, encoding.flagged ? 'missing flag' : 'constant, not used'];
      return [encoding.name, encoding.flagged ? 'standardised, missing flag' : 'standardised'];
    }),
  );
}
