import type { Column, Task } from './table.js';

/** One tensor of a model: -1 is the batch. Datatypes are those of the Open Inference Protocol. */
export interface TensorSignature {
  name: string;
  datatype: 'FP32' | 'BYTES' | 'INT64';
  shape: number[];
}

export interface ModelSignature {
  inputs: TensorSignature[];
  outputs: TensorSignature[];
}

/**
 * What the ONNX graph of any of our trainers takes and gives: one [-1, 1] input a raw column, FP32 for numbers
 * (NaN is missing) and BYTES for categories ('' and unknown values are missing). A label is INT64 where every class
 * is written as an integer, else BYTES.
 */
export function signature(
  table: { readonly columns: readonly Pick<Column, 'name' | 'kind'>[] },
  task: Task,
  classes: readonly string[],
): ModelSignature {
  const inputs = table.columns.map(
    (column): TensorSignature => ({
      name: column.name,
      datatype: column.kind === 'number' ? 'FP32' : 'BYTES',
      shape: [-1, 1],
    }),
  );
  if (task === 'regression') return { inputs, outputs: [{ name: 'prediction', datatype: 'FP32', shape: [-1, 1] }] };
  const scores: TensorSignature =
    task === 'binary'
      ? { name: 'probability', datatype: 'FP32', shape: [-1, 1] }
      : { name: 'probabilities', datatype: 'FP32', shape: [-1, classes.length] };
  const datatype = integerClasses(classes) === undefined ? 'BYTES' : 'INT64';
  return { inputs, outputs: [scores, { name: 'label', datatype, shape: [-1, 1] }] };
}

/** The classes as integers, where each is the canonical decimal text of one. */
export function integerClasses(classes: readonly string[]): number[] | undefined {
  const numbers = classes.map(Number);
  return numbers.every((value, i) => Number.isSafeInteger(value) && String(value) === classes[i]) ? numbers : undefined;
}

/** The output names of a task's graph; no column may have one of them. */
export function outputNames(task: Task): string[] {
  return signature({ columns: [] }, task, []).outputs.map((output) => output.name);
}
