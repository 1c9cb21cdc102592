import { type Datatype, typedView } from '@relearn/onnx';
import { RelearnError } from '@relearn/kernel';
import { encodeByteStrings } from '../byte-strings.js';
import type { ServedModel } from '../catalogue.js';
import { alignedCopy, type TensorBytes, type TensorSpec } from '../tensors.js';
import type { InferResponse } from './request.js';

type Output = InferResponse['outputs'][number];

/** Values of one output that are put in order: it is done between other requests. */
const mostValues = 100_000;

/**
 * The output as the `count` greatest values of each row (of the whole, where the model has no batch axis): BYTES, each
 * `value:index`, the greatest first. Throws INVALID_INPUT for an output of more than 100,000 values.
 */
export function classified({ spec, tensor }: Output, count: number, { batchable }: ServedModel): Output {
  const values = numbersOf(spec, tensor);
  if (values.length > mostValues) throw new RelearnError('INVALID_INPUT', 'classification output tensor too large');
  const rows = batchable ? (tensor.shape[0] ?? 1) : 1;
  const width = rows === 0 ? 0 : values.length / rows;
  const texts: string[] = [];
  for (let row = 0; row < rows; row++) {
    const own = values.slice(row * width, (row + 1) * width);
    const order = [...own.keys()].sort((a, b) => descending(own[a], own[b]));
    for (const index of order.slice(0, count)) texts.push(`${textOf(own[index], spec)}:${index}`);
  }
  const each = Math.min(count, width);
  return {
    spec: { name: spec.name, datatype: 'BYTES', shape: batchable ? [-1, each] : [each] },
    tensor: { shape: batchable ? [rows, each] : [each], bytes: encodeByteStrings(texts) },
  };
}

/** What has an order that a class can be told by. */
export function isClassifiable(datatype: Datatype): boolean {
  return datatype !== 'BYTES' && datatype !== 'FP16' && datatype !== 'BOOL';
}

function numbersOf({ datatype }: TensorSpec, { bytes }: TensorBytes): readonly (number | bigint)[] {
  if (datatype === 'BYTES') return [];
  const values: (number | bigint)[] = [];
  for (const value of typedView(datatype, alignedCopy(bytes), 0, bytes.byteLength)) values.push(value);
  return values;
}

function descending(a: number | bigint = 0, b: number | bigint = 0): number {
  return a === b ? 0 : a > b ? -1 : 1;
}

/** Floats with six digits behind the point. */
function textOf(value: number | bigint = 0, { datatype }: TensorSpec): string {
  return datatype.startsWith('FP') ? Number(value).toFixed(6) : String(value);
}
