import type { Datatype } from '@relearn/onnx';

/** One tensor that a model takes or gives; -1 in the shape where the size varies. */
export interface TensorSpec {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
}

/** All tensors of a model, in the order of its graph. */
export interface ModelSignature {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** A tensor's values as the protocol carries them raw: little-endian, row-major; BYTES with length prefixes. */
export interface TensorBytes {
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
  /** Of each row, as the log tells wide ones, where they are known already. */
  readonly digests?: readonly string[] | undefined;
}

export interface NamedTensor {
  readonly spec: TensorSpec;
  readonly tensor: TensorBytes;
}

/** The tensor as so many rows of the log: where there is one, all of it is in that row. */
export function asRows(tensor: TensorBytes, rows: number): TensorBytes {
  const { shape } = tensor;
  return rows === 1 && shape[0] !== 1 ? { ...tensor, shape: [1, ...shape] } : tensor;
}

/** The rows of several tensors with the same inner sizes, one after another. */
export function joined(parts: readonly TensorBytes[]): TensorBytes {
  const rows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  const inner = parts[0]?.shape.slice(1) ?? [];
  return { shape: [rows, ...inner], bytes: Buffer.concat(parts.map(({ bytes }) => bytes)) };
}

/** Elements of a shape, or undefined beyond 2^53. */
export function elementCount(shape: readonly number[]): number | undefined {
  let count = 1;
  for (const size of shape) count *= size;
  return Number.isSafeInteger(count) ? count : undefined;
}

/** The same bytes at an address of their own: views of a received message start anywhere. */
export function alignedCopy(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(copy).set(bytes);
  return copy;
}
