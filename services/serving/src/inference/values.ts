import { type Datatype, elementSize, typedView } from '@relearn/onnx';
import { RelearnError, sha256 } from '@relearn/kernel';
import { byteStringOffsets, decodeByteStrings, encodeByteStrings } from './byte-strings.js';
import { alignedCopy, asRows, elementCount, type NamedTensor, type TensorBytes, type TensorSpec } from './tensors.js';

export type Cell = string | number | boolean | null;
export type Columns = Readonly<Record<string, readonly Cell[]>>;

/** A tensor of more values a row is not told value by value: each row is one text, the digest of its raw bytes. */
const mostColumns = 1_000;
/** Nor is one of more values, or bytes, in all: a single request would fill the log. */
const mostValues = 2 ** 18;
const mostBytes = 4 * 1024 * 1024;

/** A tensor's values, flat and row-major; `width` values a row. NaN is null; integers beyond 2^53 are decimal strings. */
export interface TensorValues {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly width: number;
  readonly values: readonly Cell[];
}

export function valuesOf({ name, datatype }: Pick<TensorSpec, 'name' | 'datatype'>, tensor: TensorBytes): TensorValues {
  const { shape, bytes } = tensor;
  const width = widthOf(tensor);
  if (width > mostColumns) return { name, datatype, shape, width: 1, values: digestsOf(datatype, tensor) };
  return { name, datatype, shape, width, values: cellsOf(datatype, bytes) };
}

/** Has the tensor of so many rows too many values, in a row or in all, to be told value by value? */
export function isToldByDigests(tensor: TensorBytes, rows: number): boolean {
  const { byteLength } = tensor.bytes;
  // A value has a byte at least: nearly all tensors are done with here.
  if (byteLength <= mostColumns) return false;
  if (byteLength > mostBytes || widthOf(asRows(tensor, rows)) > mostColumns) return true;
  return byteLength > mostValues && (elementCount(tensor.shape) ?? 0) > mostValues;
}

export function someToldByDigests(tensors: readonly NamedTensor[], rows: number): boolean {
  for (let index = 0; index < tensors.length; index++) {
    const tensor = tensors[index]?.tensor;
    if (tensor !== undefined && isToldByDigests(tensor, rows)) return true;
  }
  return false;
}

function widthOf({ shape }: TensorBytes): number {
  let width = 1;
  for (let axis = 1; axis < shape.length; axis++) width *= shape[axis] ?? 1;
  return width;
}

/** Of each row of a tensor. */
export function digestsOf(datatype: Datatype, tensor: TensorBytes): readonly string[] {
  const { shape, bytes, digests } = tensor;
  if (digests !== undefined) return digests;
  const [rows = 1] = shape;
  const width = widthOf(tensor);
  const size = width * elementSize(datatype);
  const offsets =
    datatype === 'BYTES'
      ? byteStringOffsets(bytes, new Array<number>(rows).fill(width))
      : Array.from({ length: rows + 1 }, (_, row) => row * size);
  return Array.from({ length: rows }, (_, row) => `sha256:${sha256(bytes.subarray(offsets[row], offsets[row + 1]))}`);
}

function cellsOf(datatype: Datatype, bytes: Uint8Array): Cell[] {
  if (datatype === 'BYTES') return decodeByteStrings(bytes);
  const view = typedView(datatype, alignedCopy(bytes), 0, bytes.byteLength);
  if (view instanceof BigInt64Array || view instanceof BigUint64Array) return Array.from(view, integer);
  if (datatype === 'BOOL') return Array.from(view, (value) => value !== 0);
  if (datatype === 'FP16') return Array.from(view, (value) => finite(halfToNumber(value)));
  // Each logged value comes through here: `Array.from` takes five times as long.
  const cells: Cell[] = [];
  for (const value of view) cells.push(finite(value));
  return cells;
}

function finite(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}

function integer(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

/** The value of an IEEE 754 half-precision pattern. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * 2 ** -14 * (fraction / 1024);
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}

export function columnsOf(tensors: readonly NamedTensor[]): Record<string, Cell[]> {
  return columnsByName(tensors.map(({ spec, tensor }) => valuesOf(spec, tensor)));
}

/** Columns by name; a tensor of several values a row becomes `name[0]`, `name[1]`, ... */
export function columnsByName(tensors: readonly TensorValues[]): Record<string, Cell[]> {
  const columns = new Map<string, Cell[]>();
  for (const { name, width, values } of tensors) {
    if (width === 1) columns.set(name, [...values]);
    for (let at = 0; width > 1 && at < width; at++) {
      const column: Cell[] = [];
      for (let index = at; index < values.length; index += width) column.push(values[index] ?? null);
      columns.set(`${name}[${at}]`, column);
    }
  }
  return Object.fromEntries(columns);
}

/**
 * Rows `from` to `to` of a column as a `[rows, 1]` tensor (`[rows]` where the model declares one dimension). Null is
 * NaN for floats and the empty string for BYTES; booleans are 1 and 0, or 'true' and 'false'.
 * Throws INVALID_INPUT, naming column and row, for a value that the datatype cannot hold.
 */
export function columnTensor(spec: TensorSpec, cells: readonly Cell[], from: number, to: number): TensorBytes {
  const shape = [to - from, ...spec.shape.slice(1)];
  if (shape.slice(1).some((size) => size !== 1)) {
    throw new RelearnError(
      'INVALID_INPUT',
      `input '${spec.name}' of shape [${spec.shape}] takes no column of single values`,
    );
  }
  if (spec.datatype === 'BYTES') {
    const texts = cells.slice(from, to).map((cell) => (cell === null ? '' : String(cell)));
    return { shape, bytes: encodeByteStrings(texts) };
  }
  if (spec.datatype === 'FP16') {
    throw new RelearnError('INVALID_INPUT', `input '${spec.name}' is FP16, which takes raw tensors only`);
  }
  const buffer = new ArrayBuffer((to - from) * elementSize(spec.datatype));
  const view = typedView(spec.datatype, buffer, 0, buffer.byteLength);
  for (let row = from; row < to; row++) {
    const value = numberOf(spec, cells[row] ?? null, row);
    if (view instanceof BigInt64Array || view instanceof BigUint64Array) view[row - from] = BigInt(value);
    else view[row - from] = value;
  }
  return { shape, bytes: new Uint8Array(buffer) };
}

const isFloat = (datatype: Datatype) => datatype === 'FP32' || datatype === 'FP64';

function numberOf(spec: TensorSpec, cell: Cell, row: number): number {
  if (isFloat(spec.datatype)) {
    if (cell === null) return Number.NaN;
    if (typeof cell === 'number') return cell;
    if (typeof cell === 'boolean') return Number(cell);
  } else if (typeof cell === 'boolean' || Number.isSafeInteger(cell)) return Number(cell);
  const shown = JSON.stringify(cell);
  throw new RelearnError('INVALID_INPUT', `column '${spec.name}', row ${row}: ${shown} is no ${spec.datatype} value`);
}
