import { RelearnError } from '@relearn/kernel';
import type { ParametersSchema } from './parameters.js';
import { outputNames } from './signature.js';
import { checkSameColumns, checkTable, type Table, type Task } from './table.js';

/**
 * What a trainer reads. `classes` are the labels in order for binary (two; the second is the positive one) and
 * multiclass, and empty for regression; labels are class indices or values. An empty `valid` turns early stopping off.
 */
export interface TrainingInput {
  task: Task;
  classes: string[];
  train: Table;
  trainLabels: Float64Array;
  valid: Table;
  validLabels: Float64Array;
  parameters: Record<string, number | string | boolean>;
  seed: number;
  onProgress?: (done: number, total: number) => void;
  cancelled?: () => boolean;
}

/**
 * A fitted model: ONNX bytes that take raw columns to predictions, the losses reached (log loss, or RMSE for
 * regression) and what is worth knowing of the fit.
 */
export interface TrainedModel {
  onnx: Uint8Array;
  metrics: Record<string, number>;
  info: Record<string, unknown>;
  /**
   * Row-major predictions: binary P(second class) a row, multiclass rows x classes probabilities, regression the value.
   * The same as the ONNX graph's within float32 rounding.
   */
  predict(table: Table): Float64Array;
}

export interface Trainer {
  name: string;
  tasks: Task[];
  parametersSchema: ParametersSchema;
  /** Throws INVALID_INPUT for tables, labels or parameters that do not fit together, CANCELLED when told to stop. */
  train(input: TrainingInput): TrainedModel;
}

/** How many numbers a model computes for a row: one logit or value, or one logit a class. */
export function outputWidth(task: Task, classes: readonly string[]): number {
  return task === 'multiclass' ? classes.length : 1;
}

/** Refuses an input that no model can be fitted on; every trainer calls it first. */
export function checkTrainingInput(trainer: Pick<Trainer, 'name' | 'tasks'>, input: TrainingInput): void {
  if (!trainer.tasks.includes(input.task)) {
    throw new RelearnError('INVALID_INPUT', `trainer ${trainer.name} does not do ${input.task}`, {
      place: { field: 'task' },
    });
  }
  checkClasses(input);
  checkTable(input.train, 'train');
  checkTable(input.valid, 'valid');
  checkSameColumns(input.train.columns, input.valid, 'valid');
  if (input.train.rows === 0) throw new RelearnError('INVALID_INPUT', 'train: no rows to learn from');
  if (input.train.columns.length === 0) throw new RelearnError('INVALID_INPUT', 'train: no columns to learn from');
  const reserved = outputNames(input.task);
  const clash = input.train.columns.find((column) => reserved.includes(column.name));
  if (clash !== undefined) {
    throw new RelearnError('INVALID_INPUT', `column ${clash.name} has the name of a model output`, {
      place: { field: clash.name },
      remedy: 'Rename the feature.',
    });
  }
  checkLabels(input, input.trainLabels, input.train.rows, 'trainLabels');
  checkLabels(input, input.validLabels, input.valid.rows, 'validLabels');
}

function checkClasses({ task, classes }: TrainingInput): void {
  const fits =
    task === 'regression' ? classes.length === 0 : task === 'binary' ? classes.length === 2 : classes.length > 1;
  if (!fits || new Set(classes).size !== classes.length) {
    throw new RelearnError('INVALID_INPUT', `${task} cannot have the classes ${JSON.stringify(classes)}`, {
      place: { field: 'classes' },
    });
  }
}

function checkLabels(input: TrainingInput, labels: Float64Array, rows: number, field: string): void {
  if (labels.length !== rows) {
    throw new RelearnError('INVALID_INPUT', `${field}: ${labels.length} labels for ${rows} rows`, { place: { field } });
  }
  for (let row = 0; row < rows; row++) {
    const label = labels[row]!;
    const fits =
      input.task === 'regression'
        ? Number.isFinite(Math.fround(label))
        : Number.isInteger(label) && label >= 0 && label < input.classes.length;
    if (!fits) {
      throw new RelearnError('INVALID_INPUT', `${field}: row ${row} has the label ${label}`, { place: { field } });
    }
  }
}

/** Throws CANCELLED once the caller has asked for it. */
export function checkCancelled(input: Pick<TrainingInput, 'cancelled'>): void {
  if (input.cancelled?.() === true) throw new RelearnError('CANCELLED', 'training was cancelled');
}
