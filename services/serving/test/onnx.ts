import { sha256 } from '@relearn/kernel';

// A writer of ONNX files for tests: as much of the format as small models take.

type Bytes = Buffer;

function varint(value: number): Bytes {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

const int = (field: number, value: number) => Buffer.concat([varint(field * 8), varint(value)]);
const nested = (field: number, ...parts: Bytes[]) => {
  const body = Buffer.concat(parts);
  return Buffer.concat([varint(field * 8 + 2), varint(body.length), body]);
};
const text = (field: number, value: string) => nested(field, Buffer.from(value));
const floats = (values: readonly number[]) => Buffer.from(new Float32Array(values).buffer);

export const elementTypes = {
  FP32: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  BYTES: 8,
  BOOL: 9,
  FP16: 10,
  FP64: 11,
  UINT32: 12,
  UINT64: 13,
} as const;

export type ElementType = keyof typeof elementTypes;

/** A graph's input or output; -1 is a size of its own name. */
export function value(name: string, type: ElementType, shape: readonly number[]): Bytes {
  const sizes = shape.map((size, axis) => nested(1, size === -1 ? text(2, `n${axis}`) : int(1, size)));
  return Buffer.concat([text(1, name), nested(2, nested(1, int(1, elementTypes[type]), nested(2, ...sizes)))]);
}

export const attribute = {
  floats: (name: string, values: readonly number[]) =>
    Buffer.concat([text(1, name), nested(7, floats(values)), int(20, 6)]),
  strings: (name: string, values: readonly string[]) =>
    Buffer.concat([text(1, name), ...values.map((entry) => text(9, entry)), int(20, 8)]),
  float: (name: string, entry: number) =>
    Buffer.concat([text(1, name), Buffer.concat([varint(2 * 8 + 5), floats([entry])]), int(20, 1)]),
  int: (name: string, entry: number) => Buffer.concat([text(1, name), int(3, entry), int(20, 2)]),
};

export function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  { domain = '', attributes = [] as readonly Bytes[] } = {},
): Bytes {
  return Buffer.concat([
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, op),
    ...attributes.map((entry) => nested(5, entry)),
    text(7, domain),
  ]);
}

export function floatTensor(name: string, shape: readonly number[], values: readonly number[]): Bytes {
  return Buffer.concat([...shape.map((size) => int(1, size)), int(2, 1), text(8, name), nested(9, floats(values))]);
}

export function intTensor(name: string, shape: readonly number[], values: readonly number[]): Bytes {
  const raw = Buffer.from(new BigInt64Array(values.map(BigInt)).buffer);
  return Buffer.concat([...shape.map((size) => int(1, size)), int(2, 7), text(8, name), nested(9, raw)]);
}

export interface Graph {
  readonly nodes: readonly Bytes[];
  readonly inputs: readonly Bytes[];
  readonly outputs: readonly Bytes[];
  readonly initializers?: readonly Bytes[];
}

export interface TestModel {
  readonly onnx: Uint8Array;
  readonly digest: string;
}

export function model({ nodes, inputs, outputs, initializers = [] }: Graph): TestModel {
  const graph = nested(
    7,
    ...nodes.map((entry) => nested(1, entry)),
    text(2, 'graph'),
    ...initializers.map((entry) => nested(5, entry)),
    ...inputs.map((entry) => nested(11, entry)),
    ...outputs.map((entry) => nested(12, entry)),
  );
  const opsets = [nested(8, text(1, ''), int(2, 17)), nested(8, text(1, 'ai.onnx.ml'), int(2, 3))];
  const onnx = Buffer.concat([int(1, 8), text(2, 'test'), graph, ...opsets]);
  return { onnx, digest: sha256(onnx) };
}
