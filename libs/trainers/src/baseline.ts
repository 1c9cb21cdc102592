import { priorScores, repeat, scoresToPredictions, validationLoss } from './loss.js';
import { writeConstantScores } from './onnx/constant.js';
import { GraphBuilder } from './onnx/graph.js';
import { writeHead } from './onnx/heads.js';
import { resolveParameters } from './parameters.js';
import { signature } from './signature.js';
import { checkSameColumns, checkTable, type Table } from './table.js';
import { checkTrainingInput, outputWidth, type TrainedModel, type Trainer, type TrainingInput } from './trainer.js';

/** Answers every row with the training labels' shares or mean: what any other model has to beat. */
export const baseline: Trainer = {
  name: 'baseline',
  tasks: ['binary', 'multiclass', 'regression'],
  parametersSchema: {},
  train,
};

function train(input: TrainingInput): TrainedModel {
  checkTrainingInput(baseline, input);
  resolveParameters({}, input.parameters);
  const { task, classes } = input;
  const columns = input.train.columns.map(({ name, kind }) => ({ name, kind }));
  const prior = priorScores(task, input.trainLabels, outputWidth(task, classes));
  const tensors = signature({ columns }, task, classes);
  const graph = new GraphBuilder(tensors.inputs, tensors.outputs);
  writeHead(graph, writeConstantScores(graph, columns[0]!.name, prior), task, classes);
  const predict = (table: Table): Float64Array => {
    checkTable(table, 'table');
    checkSameColumns(columns, table, 'table');
    return scoresToPredictions(task, repeat(prior, table.rows), prior.length);
  };
  return {
    onnx: graph.finish(),
    metrics: {
      train_loss: validationLoss(task, predict(input.train), input.trainLabels),
      ...(input.valid.rows > 0
        ? { validation_loss: validationLoss(task, predict(input.valid), input.validLabels) }
        : {}),
      iterations: 0,
    },
    info: { prior: Array.from(scoresToPredictions(task, prior.slice(), prior.length)) },
    predict,
  };
}
