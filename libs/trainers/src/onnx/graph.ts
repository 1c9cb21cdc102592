import type { TensorSignature } from '../signature.js';
import { littleEndian, WireWriter } from './wire.js';

/** ONNX releases the graphs are written for: operator sets 17 and ai.onnx.ml 3 belong to IR version 8. */
const irVersion = 8;
const operatorSet = 17;
const mlOperatorSet = 3;

export type Attribute =
  | { int: number }
  | { float: number }
  | { text: string }
  | { ints: ArrayLike<number> }
  | { floats: Float32Array }
  | { texts: readonly string[] };

export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly domain?: 'ai.onnx.ml';
  /** The name of a graph output that this node computes; without it the value gets a name of its own. */
  readonly output?: string;
}

/**
 * Builds one ONNX graph, node after node. The bytes depend on the calls alone: no time, no host, no version.
 * Field numbers are those of onnx.proto.
 */
export class GraphBuilder {
  private readonly nodes = new WireWriter();
  private readonly initializers = new WireWriter();
  private readonly taken: Set<string>;
  private count = 0;

  private readonly inputs: readonly TensorSignature[];
  private readonly outputs: readonly TensorSignature[];

  constructor(inputs: readonly TensorSignature[], outputs: readonly TensorSignature[]) {
    this.inputs = inputs;
    this.outputs = outputs;
    this.taken = new Set([...inputs, ...outputs].map((tensor) => tensor.name));
  }

  /** Adds a node with one output and returns the output's name. */
  node(operator: string, inputs: readonly string[], options: NodeOptions = {}): string {
    const output = options.output ?? this.fresh(operator);
    this.nodes.message(1, (node) => {
      for (const input of inputs) node.string(1, input);
      node.string(2, output);
      node.string(4, operator);
      for (const [name, attribute] of Object.entries(options.attributes ?? {})) {
        node.message(5, (inner) => writeAttribute(inner, name, attribute));
      }
      if (options.domain !== undefined) node.string(7, options.domain);
    });
    return output;
  }

  floats(dims: readonly number[], values: ArrayLike<number>): string {
    return this.tensor(1, dims, (tensor) => tensor.blob(9, littleEndian(Float32Array.from(values))));
  }

  ints(dims: readonly number[], values: readonly number[]): string {
    const wide = BigInt64Array.from(values, (value) => BigInt(value));
    return this.tensor(7, dims, (tensor) => tensor.blob(9, littleEndian(wide)));
  }

  strings(dims: readonly number[], values: readonly string[]): string {
    return this.tensor(8, dims, (tensor) => {
      for (const value of values) tensor.string(6, value);
    });
  }

  /** The model's bytes. */
  finish(): Uint8Array {
    const graph = new WireWriter();
    graph.append(this.nodes.finish());
    graph.string(2, 'relearn');
    graph.append(this.initializers.finish());
    for (const tensor of this.inputs) graph.message(11, (info) => writeValueInfo(info, tensor));
    for (const tensor of this.outputs) graph.message(12, (info) => writeValueInfo(info, tensor));
    const model = new WireWriter();
    model.int(1, irVersion);
    model.string(2, 'relearn');
    model.blob(7, graph.finish());
    model.message(8, (set) => writeOperatorSet(set, '', operatorSet));
    model.message(8, (set) => writeOperatorSet(set, 'ai.onnx.ml', mlOperatorSet));
    return model.finish();
  }

  private tensor(type: number, dims: readonly number[], data: (tensor: WireWriter) => void): string {
    const name = this.fresh('constant');
    this.initializers.message(5, (tensor) => {
      tensor.packedInts(1, dims);
      tensor.int(2, type);
      data(tensor);
      tensor.string(8, name);
    });
    return name;
  }

  private fresh(stem: string): string {
    for (;;) {
      const name = `${stem}_${this.count++}`;
      if (this.taken.has(name)) continue;
      this.taken.add(name);
      return name;
    }
  }
}

function writeAttribute(writer: WireWriter, name: string, attribute: Attribute): void {
  writer.string(1, name);
  if ('float' in attribute) writer.float(2, attribute.float);
  else if ('int' in attribute) writer.int(3, attribute.int);
  else if ('text' in attribute) writer.string(4, attribute.text);
  else if ('floats' in attribute) writer.packedFloats(7, attribute.floats);
  else if ('ints' in attribute) writer.packedInts(8, attribute.ints);
  else for (const text of attribute.texts) writer.string(9, text);
  writer.int(20, attributeType(attribute));
}

function attributeType(attribute: Attribute): number {
  if ('float' in attribute) return 1;
  if ('int' in attribute) return 2;
  if ('text' in attribute) return 3;
  if ('floats' in attribute) return 6;
  return 'ints' in attribute ? 7 : 8;
}

const elementTypes = { FP32: 1, INT64: 7, BYTES: 8 } as const;

function writeValueInfo(writer: WireWriter, tensor: TensorSignature): void {
  writer.string(1, tensor.name);
  writer.message(2, (type) => {
    type.message(1, (inner) => {
      inner.int(1, elementTypes[tensor.datatype]);
      inner.message(2, (shape) => {
        for (const dim of tensor.shape) {
          shape.message(1, (entry) => (dim < 0 ? entry.string(2, 'rows') : entry.int(1, dim)));
        }
      });
    });
  });
}

function writeOperatorSet(writer: WireWriter, domain: string, version: number): void {
  writer.string(1, domain);
  writer.int(2, version);
}
