import { RelearnError } from '@relearn/kernel';
import { decodeByteStrings, encodeByteStrings } from '../byte-strings.js';
import { alignedCopy, type Datatype, type TensorBytes, type TensorSpec, typedView } from '../tensors.js';
import { halfToNumber } from '../values.js';
import { rawOfValues } from './typed-contents.js';

// Tensors in JSON. Floats: JSON has no NaN or infinity, so they travel as the strings "NaN", "Infinity" and
// "-Infinity"; null is NaN on the way in (a missing value). 64-bit integers: a JSON number within 2^53, a string
// of digits beyond; on the way out always digits, exact to the last.

/** The raw form of JSON data, flat or nested as deep as the shape. Throws INVALID_INPUT naming the value. */
export function rawOfJson(data: unknown, datatype: Datatype, shape: readonly number[], where: string): Uint8Array {
  const flat: unknown[] = [];
  if (Array.isArray(data)) flatten(data, Math.max(1, shape.length), flat, where);
  else flat.push(data);
  if (datatype === 'BYTES') return encodeByteStrings(flat.map((value, index) => textOf(value, index, where)));
  if (datatype === 'FP16') {
    throw new RelearnError('INVALID_INPUT', `input ${where} is FP16, which JSON cannot carry: send it raw over gRPC`);
  }
  const values = flat.map((value, index) => numberOf(value, datatype, index, where));
  return rawOfValues(values, datatype, where);
}

/** No deeper than the shape says: a body of 200,000 brackets must not reach the stack's end. */
function flatten(data: readonly unknown[], depth: number, into: unknown[], where: string): void {
  for (const value of data) {
    if (!Array.isArray(value)) into.push(value);
    else if (depth > 1) flatten(value, depth - 1, into, where);
    else
      throw new RelearnError('INVALID_INPUT', `unable to parse 'data' of input ${where}: nested deeper than its shape`);
  }
}

function textOf(value: unknown, index: number, where: string): string {
  if (typeof value === 'string') return value;
  throw wrong(value, 'BYTES', index, where);
}

function numberOf(value: unknown, datatype: Datatype, index: number, where: string): number | bigint {
  if (datatype === 'BOOL') {
    if (typeof value === 'boolean') return Number(value);
    if (value === 0 || value === 1) return value;
  } else if (datatype === 'FP32' || datatype === 'FP64') {
    if (typeof value === 'number') return value;
    if (value === null || value === 'NaN') return Number.NaN;
    if (value === 'Infinity') return Number.POSITIVE_INFINITY;
    if (value === '-Infinity') return Number.NEGATIVE_INFINITY;
  } else {
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
    if (typeof value === 'string' && /^-?\d{1,20}$/.test(value)) return wholeNumber(value, datatype, index, where);
  }
  throw wrong(value, datatype, index, where);
}

function wholeNumber(text: string, datatype: Datatype, index: number, where: string): bigint {
  const value = BigInt(text);
  if (datatype === 'UINT64' ? BigInt.asUintN(64, value) === value : BigInt.asIntN(64, value) === value) return value;
  throw wrong(text, datatype, index, where);
}

function wrong(value: unknown, datatype: Datatype, index: number, where: string): RelearnError {
  const shown = typeof value === 'object' ? typeof value : JSON.stringify(value)?.slice(0, 100);
  const remedy = datatype.endsWith('INT64') ? { remedy: 'Write integers beyond 2^53 as strings.' } : {};
  return new RelearnError(
    'INVALID_INPUT',
    `unable to parse 'data' of input ${where}: value ${index} (${shown}) is no ${datatype}`,
    remedy,
  );
}

/** The tensor's values as the text of a flat JSON array. */
export function jsonOfTensor({ datatype }: TensorSpec, { bytes }: TensorBytes): string {
  if (datatype === 'BYTES') return JSON.stringify(decodeByteStrings(bytes));
  const view = typedView(datatype, alignedCopy(bytes), 0, bytes.byteLength);
  if (view instanceof BigInt64Array || view instanceof BigUint64Array) return `[${view.join(',')}]`;
  const texts = new Array<string>(view.length);
  for (let index = 0; index < view.length; index++) texts[index] = jsonNumber(datatype, view[index] ?? 0);
  return `[${texts.join(',')}]`;
}

function jsonNumber(datatype: Datatype, stored: number): string {
  if (datatype === 'BOOL') return stored === 0 ? 'false' : 'true';
  const value = datatype === 'FP16' ? halfToNumber(stored) : stored;
  return Number.isFinite(value) ? String(value) : `"${value}"`;
}
