import { boosting } from './boosting/boosting.js';
import { baseline } from './baseline.js';
import { linear, logistic } from './linear/linear.js';
import type { Trainer } from './trainer.js';

export { validationLoss } from './loss.js';
export type { ParameterSchema, ParametersSchema } from './parameters.js';
export { type ModelSignature, signature, type TensorSignature } from './signature.js';
export type { CategoryColumn, Column, NumericColumn, Table, Task } from './table.js';
export type { TrainedModel, Trainer, TrainingInput } from './trainer.js';

/** The built-in trainers by the name that a pipeline file gives them. */
export const trainers: Record<string, Trainer> = { boosting, logistic, linear, baseline };
