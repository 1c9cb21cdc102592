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
