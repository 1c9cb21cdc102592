import { mulberry32 } from '@relearn/kernel';
import { priorScores, repeat, scoresToPredictions, validationLoss } from '../loss.js';
import { resolveParameters } from '../parameters.js';
import { checkTable, type Table } from '../table.js';
import {
  checkCancelled,
  checkTrainingInput,
  outputWidth,
  type TrainedModel,
  type Trainer,
  type TrainingInput,
} from '../trainer.js';
import { applyBins, type ColumnBins, fitBins } from './binning.js';
import { TreeGrower } from './grow.js';
import { packGradients } from './histogram.js';
import { type Ensemble, lowerEnsemble } from './lower.js';
import { binMatrix } from './matrix.js';
import { fillGradients } from './objective.js';
import { boostingParameters } from './parameters.js';
import { Sampler } from './sampler.js';
import { addTree, type Tree } from './tree.js';
import { Watch } from './watch.js';

/**
 * Histogram gradient boosting with leaf-wise trees and Newton leaves, after Ke et al., "LightGBM" (2017): native
 * categories, a learned side for missing values, early stopping on the validation loss.
 */
export const boosting: Trainer = {
  name: 'boosting',
  tasks: ['binary', 'multiclass', 'regression'],
  parametersSchema: boostingParameters,
  train,
};

function train(input: TrainingInput): TrainedModel {
  checkTrainingInput(boosting, input);
  const parameters = resolveParameters(boostingParameters, input.parameters);
  const columns = fitBins(input.train, parameters.number('max_bins'), input.seed);
  const run = boost(input, columns, (name) => parameters.number(name));
  const ensemble: Ensemble = { columns, width: run.width, prior: run.prior, trees: run.trees };
  const predict = (table: Table) => predictEnsemble(ensemble, input.task, table);
  const best = run.trees.length / run.width;
  return {
    onnx: lowerEnsemble(ensemble, input.task, input.classes),
    metrics: {
      train_loss: run.trainLoss,
      ...(input.valid.rows > 0 ? { validation_loss: run.validationLoss } : {}),
      iterations: best,
    },
    info: {
      best_iteration: best,
      iterations_run: run.iterations,
      leaves: run.trees.reduce((sum, tree) => sum + tree.values.length, 0),
      importance: importance(columns, run.trees),
      validation_losses: run.losses,
    },
    predict,
  };
}

interface Run {
  readonly width: number;
  readonly prior: Float64Array;
  readonly trees: Tree[];
  readonly iterations: number;
  readonly trainLoss: number;
  readonly validationLoss: number;
  readonly losses: number[];
}

function boost(input: TrainingInput, columns: readonly ColumnBins[], parameter: (name: string) => number): Run {
  const { task, trainLabels } = input;
  const width = outputWidth(task, input.classes);
  const prior = priorScores(task, trainLabels, width);
  const binned = applyBins(columns, input.train);
  const rows = input.train.rows;
  const grower = new TreeGrower(
    columns,
    binned,
    binMatrix(
      binned,
      columns.map((c) => c.count),
      rows,
    ),
    {
      maxLeaves: parameter('max_leaves'),
      maxDepth: parameter('max_depth'),
      learningRate: parameter('learning_rate'),
      l2: parameter('l2'),
      minRows: parameter('min_rows'),
      minHessian: parameter('min_hessian'),
      minGain: parameter('min_gain'),
      categorySmoothing: parameter('category_smoothing'),
      categoryL2: parameter('category_l2'),
      categoryLimit: parameter('category_limit'),
    },
  );
  const next = mulberry32(input.seed);
  const sampler = new Sampler(binned, parameter('row_fraction'), parameter('feature_fraction'), next);
  const scores = repeat(prior, rows);
  const probabilities = task === 'multiclass' ? new Float64Array(rows * width) : scores;
  const gradients = new Float64Array(rows * 2);
  const packed = { packed: new Float64Array(rows), gradientStep: 0, hessianStep: 0 };
  const watch = new Watch(input, columns, prior, scores, parameter('early_stopping_rounds'));
  const trees: Tree[] = [];
  const total = parameter('iterations');
  let done = 0;
  while (done < total && !watch.stopped) {
    checkCancelled(input);
    if (task === 'multiclass') {
      probabilities.set(scores);
      scoresToPredictions(task, probabilities, width);
    }
    sampler.draw();
    for (let output = 0; output < width; output++) {
      fillGradients(task, trainLabels, probabilities, width, output, gradients);
      packGradients(gradients, done * width + output + input.seed, packed);
      const tree = grower.grow(sampler.bag, packed, gradients, sampler.features, scores, width, output);
      sampler.addToOthers(tree, scores, width, output);
      watch.addTree(tree, output);
      trees.push(tree);
    }
    done++;
    watch.judge(done);
    input.onProgress?.(done, total);
  }
  trees.length = watch.bestIteration * width;
  const fitted = scoresToPredictions(task, watch.bestTrainScores, width);
  return {
    width,
    prior,
    trees,
    iterations: done,
    trainLoss: validationLoss(task, fitted, trainLabels),
    validationLoss: watch.bestLoss,
    losses: watch.losses,
  };
}

/** Row-major predictions of raw columns, through the same bins that training saw. */
function predictEnsemble(ensemble: Ensemble, task: TrainingInput['task'], table: Table): Float64Array {
  checkTable(table, 'table');
  const binned = applyBins(ensemble.columns, table);
  const scores = repeat(ensemble.prior, table.rows);
  ensemble.trees.forEach((tree, i) => addTree(tree, binned, scores, ensemble.width, i % ensemble.width));
  return scoresToPredictions(task, scores, ensemble.width);
}

/** Each column's share of the gain of all splits. */
function importance(columns: readonly ColumnBins[], trees: readonly Tree[]): Record<string, number> {
  const gains = new Float64Array(columns.length);
  for (const { feature, gain } of trees) {
    for (let node = 0; node < feature.length; node++) gains[feature[node]!]! += gain[node]!;
  }
  const total = gains.reduce((sum, gain) => sum + gain, 0);
  return Object.fromEntries(columns.map(({ name }, i) => [name, total > 0 ? gains[i]! / total : 0]));
}
