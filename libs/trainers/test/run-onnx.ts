import * as ort from 'onnxruntime-node';
import type { Table } from '../src/index.js';

/** Runs a graph of ours on raw columns: numbers as float32, a missing category as ''. Outputs are flat arrays. */
export async function runOnnx(
  onnx: Uint8Array,
  table: Table,
): Promise<Record<string, { dims: readonly number[]; type: string; data: (number | string)[] }>> {
  const session = await ort.InferenceSession.create(onnx, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const feeds: Record<string, ort.Tensor> = {};
  for (const column of table.columns) {
    const dims = [table.rows, 1];
    feeds[column.name] =
      column.kind === 'number'
        ? new ort.Tensor('float32', Float32Array.from(column.values), dims)
        : new ort.Tensor(
            'string',
            Array.from(column.codes, (code) => column.dictionary[code] ?? ''),
            dims,
          );
  }
  const results = await session.run(feeds);
  const outputs = Object.entries(results).map(([name, tensor]) => {
    const data = Array.from(tensor.data as ArrayLike<number | bigint | string>, (value) =>
      typeof value === 'bigint' ? Number(value) : value,
    );
    return [name, { dims: tensor.dims, type: tensor.type, data }] as const;
  });
  await session.release();
  return Object.fromEntries(outputs);
}

/** The greatest difference between predictions and a graph's output, relative for numbers greater than one. */
export function greatestDifference(predictions: Float64Array, output: readonly (number | string)[]): number {
  if (predictions.length !== output.length) return Infinity;
  let greatest = 0;
  predictions.forEach((value, i) => {
    const difference = Math.abs(value - Number(output[i])) / Math.max(1, Math.abs(value));
    // NaN must not pass for equal.
    if (!(difference <= greatest)) greatest = difference;
  });
  return greatest;
}
