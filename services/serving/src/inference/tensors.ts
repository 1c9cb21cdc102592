/**
 * Datatypes of the Open Inference Protocol that ONNX Runtime's Node binding takes: bytes an element (0: variable) and
 * the runtime's own name. BF16 is not among them.
 */
const facts = {
  BOOL: { size: 1, runtime: 'bool' },
  UINT8: { size: 1, runtime: 'uint8' },
  UINT16: { size: 2, runtime: 'uint16' },
  UINT32: { size: 4, runtime: 'uint32' },
  UINT64: { size: 8, runtime: 'uint64' },
  INT8: { size: 1, runtime: 'int8' },
  INT16: { size: 2, runtime: 'int16' },
  INT32: { size: 4, runtime: 'int32' },
  INT64: { size: 8, runtime: 'int64' },
  FP16: { size: 2, runtime: 'float16' },
  FP32: { size: 4, runtime: 'float32' },
  FP64: { size: 8, runtime: 'float64' },
  BYTES: { size: 0, runtime: 'string' },
} as const;

export type Datatype = keyof typeof facts;
export type RuntimeType = (typeof facts)[Datatype]['runtime'];
export type NumericArray =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

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
}

export interface NamedTensor {
  readonly spec: TensorSpec;
  readonly tensor: TensorBytes;
}

/** The rows of several tensors with the same inner sizes, one after another. */
export function joined(parts: readonly TensorBytes[]): TensorBytes {
  const rows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  const inner = parts[0]?.shape.slice(1) ?? [];
  return { shape: [rows, ...inner], bytes: Buffer.concat(parts.map(({ bytes }) => bytes)) };
}

export function isDatatype(text: string): text is Datatype {
  return Object.hasOwn(facts, text);
}

/** Bytes of one element; 0 for BYTES. */
export function elementSize(datatype: Datatype): number {
  return facts[datatype].size;
}

export function runtimeTypeOf(datatype: Datatype): RuntimeType {
  return facts[datatype].runtime;
}

/** The protocol's datatype of a runtime type, or undefined where the protocol has none. */
export function datatypeOf(runtime: string): Datatype | undefined {
  const found = Object.entries(facts).find(([, fact]) => fact.runtime === runtime);
  return found !== undefined && isDatatype(found[0]) ? found[0] : undefined;
}

/** Elements of a shape, or undefined beyond 2^53. */
export function elementCount(shape: readonly number[]): number | undefined {
  let count = 1;
  for (const size of shape) count *= size;
  return Number.isSafeInteger(count) ? count : undefined;
}

/**
 * The elements as a typed array over `length` bytes of the buffer; `offset` must be a multiple of the element's size.
 * BOOL is one byte an element, FP16 its 16 bits.
 */
export function typedView(
  datatype: Exclude<Datatype, 'BYTES'>,
  buffer: ArrayBuffer,
  offset: number,
  length: number,
): NumericArray {
  const count = length / elementSize(datatype);
  switch (datatype) {
    case 'BOOL':
    case 'UINT8':
      return new Uint8Array(buffer, offset, count);
    case 'FP16':
    case 'UINT16':
      return new Uint16Array(buffer, offset, count);
    case 'UINT32':
      return new Uint32Array(buffer, offset, count);
    case 'UINT64':
      return new BigUint64Array(buffer, offset, count);
    case 'INT8':
      return new Int8Array(buffer, offset, count);
    case 'INT16':
      return new Int16Array(buffer, offset, count);
    case 'INT32':
      return new Int32Array(buffer, offset, count);
    case 'INT64':
      return new BigInt64Array(buffer, offset, count);
    case 'FP32':
      return new Float32Array(buffer, offset, count);
    case 'FP64':
      return new Float64Array(buffer, offset, count);
  }
}

/** The same bytes at an address of their own: views of a received message start anywhere. */
export function alignedCopy(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(copy).set(bytes);
  return copy;
}
