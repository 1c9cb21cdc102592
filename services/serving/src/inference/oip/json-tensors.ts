import { type Datatype, typedView } from '@relearn/onnx';
import { RelearnError } from '@relearn/kernel';
import { decodeByteStrings, encodeByteStrings } from '../byte-strings.js';
import { alignedCopy, elementCount, type TensorBytes, type TensorSpec } from '../tensors.js';
import { isList } from './json-fields.js';
import type { JsonValue } from './json-text.js';
import { rawOfValues } from './typed-contents.js';

// Tensors in JSON. Floats: JSON has no NaN or infinity, so they travel as the strings "NaN", "Infinity" and
// "-Infinity"; null is NaN on the way in (a missing value). Integers are JSON numbers of any length, exact to the last
// digit both ways; those of 64 bits may come as strings of digits, from clients whose own numbers end at 2^53.

/** The raw form of JSON data, flat or nested as deep as the shape. Throws INVALID_INPUT naming the value. */
export function rawOfJson(
  data: readonly JsonValue[],
  datatype: Datatype,
  shape: readonly number[],
  where: string,
): Uint8Array {
  const flat: JsonValue[] = [];
  flatten(data, Math.max(1, shape.length), flat, where);
  const count = elementCount(shape);
  if (flat.length !== count) {
    throw unparsable(
      `Shape does not match true shape of 'data' field: ${flat.length} values for [${shape}] in input ${where}`,
    );
  }
  if (datatype === 'BYTES') return encodeByteStrings(flat.map((value, index) => textOf(value, index, where)));
  const values = flat.map((value, index) => numberOf(value, datatype, index, where));
  return rawOfValues(values, datatype, where);
}

/** No deeper than the shape says, and at one depth throughout. */
function flatten(data: readonly JsonValue[], depth: number, into: JsonValue[], where: string): void {
  const nested = isList(data[0]);
  for (const value of data) {
    if (isList(value) !== nested) throw unparsable(`arrays and values side by side in input ${where}`);
    if (!isList(value)) into.push(value);
    else if (depth > 1) flatten(value, depth - 1, into, where);
    else throw unparsable(`nested deeper than its shape in input ${where}`);
  }
}

function textOf(value: JsonValue, index: number, where: string): string {
  if (typeof value === 'string') return value;
  throw wrong(value, 'BYTES', index, where);
}

function numberOf(value: JsonValue, datatype: Datatype, index: number, where: string): number | bigint {
  if (datatype === 'BOOL') {
    if (typeof value === 'boolean') return Number(value);
  } else if (datatype === 'FP32' || datatype === 'FP64') {
    const number = floatOf(value);
    const fits = datatype === 'FP64' || Number.isFinite(Math.fround(number ?? 0)) || !Number.isFinite(number);
    if (number !== undefined && fits) return number;
  } else {
    const whole = wholeOf(value, datatype);
    if (whole !== undefined && fitsIn64(whole, datatype)) return whole;
  }
  throw wrong(value, datatype, index, where);
}

function floatOf(value: JsonValue): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (value === null || value === 'NaN') return Number.NaN;
  if (value === 'Infinity') return Number.POSITIVE_INFINITY;
  return value === '-Infinity' ? Number.NEGATIVE_INFINITY : undefined;
}

function wholeOf(value: JsonValue, datatype: Datatype): number | bigint | undefined {
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return value as number | bigint;
  const digits = datatype.endsWith('INT64') && typeof value === 'string' && /^-?\d{1,20}$/.test(value);
  return digits ? BigInt(value) : undefined;
}

/** What is narrower has its range looked at with the raw values. */
function fitsIn64(whole: number | bigint, datatype: Datatype): boolean {
  const value = BigInt(whole);
  return datatype === 'UINT64' ? BigInt.asUintN(64, value) === value : BigInt.asIntN(64, value) === value;
}

function wrong(value: JsonValue, datatype: Datatype, index: number, where: string): RelearnError {
  const shown = value !== null && typeof value === 'object' ? 'an object' : String(value).slice(0, 100);
  const quoted = typeof value === 'string' ? JSON.stringify(shown) : shown;
  return unparsable(`value ${index} (${quoted}) of input ${where} is no ${datatype}`);
}

function unparsable(what: string): RelearnError {
  return new RelearnError('INVALID_INPUT', `Unable to parse 'data': ${what}`);
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
  // Some readers take -0 for the integer, which has no sign.
  if (Object.is(stored, -0)) return '-0.0';
  return Number.isFinite(stored) ? String(stored) : `"${stored}"`;
}
