import { elementSize } from '@relearn/onnx';
import { RelearnError } from '@relearn/kernel';
import { encodeByteStrings } from './byte-strings.js';
import { elementCount, type ModelSignature, type TensorBytes, type TensorSpec } from './tensors.js';
import { type Columns, columnTensor } from './values.js';

/**
 * The declared signature where it fits the graph's: the same tensors in the graph's order, sizes narrowed.
 * Throws INVALID_INPUT naming the first tensor that differs.
 */
export function agreedSignature(graph: ModelSignature, declared: ModelSignature | null): ModelSignature {
  if (declared === null) return graph;
  return {
    inputs: agreed('input', graph.inputs, declared.inputs),
    outputs: agreed('output', graph.outputs, declared.outputs),
  };
}

function agreed(side: string, graph: readonly TensorSpec[], declared: readonly TensorSpec[]): TensorSpec[] {
  const byName = new Map(declared.map((spec) => [spec.name, spec]));
  const surplus = declared.find(({ name }) => !graph.some((spec) => spec.name === name));
  if (surplus !== undefined) throw differs(`the graph has no ${side} '${surplus.name}'`);
  return graph.map((spec) => {
    const own = byName.get(spec.name);
    if (own === undefined) throw differs(`${side} '${spec.name}' of the graph is not in the signature`);
    const fits =
      own.shape.length === spec.shape.length && own.shape.every((size, at) => compatible(size, spec.shape[at]));
    if (own.datatype !== spec.datatype || !fits) {
      throw differs(
        `${side} '${spec.name}' is ${spec.datatype} [${spec.shape}] in the graph, ${own.datatype} [${own.shape}] in the signature`,
      );
    }
    return { ...own, shape: own.shape.map((size, at) => (size === -1 ? (spec.shape[at] ?? -1) : size)) };
  });
}

function compatible(declared: number, graph: number | undefined): boolean {
  return declared === -1 || graph === -1 || declared === graph;
}

function differs(message: string): RelearnError {
  return new RelearnError('INVALID_INPUT', `the model does not match its signature: ${message}`);
}

/** Every input has a batch axis of free size and nothing else that is free: rows of several requests fit together. */
export function mayBatch({ inputs }: ModelSignature): boolean {
  return inputs.length > 0 && inputs.every(({ shape }) => shape[0] === -1 && !shape.slice(1).includes(-1));
}

/**
 * What a model is tried with: the given rows, or zeros and empty strings; one row, then several where rows may
 * batch. None for a model with free inner sizes when no rows are given: nobody knows which sizes it takes.
 */
export function trialsOf(
  signature: ModelSignature,
  columns: Columns | undefined,
  maxRows: number,
): { rows: number; inputs: TensorBytes[] }[] {
  const batches = mayBatch(signature);
  if (columns === undefined) {
    if (!batches && signature.inputs.some(({ shape }) => shape.slice(1).includes(-1))) return [];
    return (batches ? [1, 3] : [1]).map((rows) => ({
      rows,
      inputs: trialOf(signature, rows),
    }));
  }
  const given = Math.min(maxRows, Object.values(columns)[0]?.length ?? 0);
  return (batches && given > 1 ? [1, given] : [1]).map((rows) => ({
    rows,
    inputs: signature.inputs.map((spec) => {
      const cells = columns[spec.name];
      if (cells === undefined || cells.length < rows) throw differs(`the warm-up rows lack column '${spec.name}'`);
      return columnTensor(spec, cells, 0, rows);
    }),
  }));
}

/** So many rows of zeros and empty strings; other free sizes are 1. */
export function trialOf({ inputs }: ModelSignature, rows: number): TensorBytes[] {
  return inputs.map((spec) => blank(spec, rows));
}

function blank(spec: TensorSpec, rows: number): TensorBytes {
  const shape = spec.shape.map((size, axis) => (size !== -1 ? size : axis === 0 ? rows : 1));
  const count = elementCount(shape) ?? 0;
  const bytes =
    spec.datatype === 'BYTES'
      ? encodeByteStrings(new Array<string>(count).fill(''))
      : new Uint8Array(count * elementSize(spec.datatype));
  return { shape, bytes };
}
