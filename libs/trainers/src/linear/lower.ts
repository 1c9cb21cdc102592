import { writeCodes, writeLookup } from '../onnx/categories.js';
import { writeConstantScores } from '../onnx/constant.js';
import { GraphBuilder } from '../onnx/graph.js';
import { writeHead } from '../onnx/heads.js';
import { signature } from '../signature.js';
import type { Task } from '../table.js';
import { type ColumnEncoding, cut, type NumberEncoding } from './encoding.js';

/** A fitted linear score; `weights` are laid out as in scores.ts and are float32 values. */
export interface LinearModel {
  readonly encodings: readonly ColumnEncoding[];
  readonly outputs: number;
  readonly weights: Float64Array;
}

/** Writes imputation, scaling, category lookup and the score as one graph from raw columns to the task's outputs. */
export function lowerLinear(model: LinearModel, task: Task, classes: readonly string[]): Uint8Array {
  const { encodings, outputs, weights } = model;
  const tensors = signature({ columns: encodings }, task, classes);
  const graph = new GraphBuilder(tensors.inputs, tensors.outputs);
  const count = weights.length / outputs;
  /** The weights [from, from + rows) of every output, as rows x outputs. */
  const block = (from: number, rows: number): Float32Array =>
    Float32Array.from(
      { length: rows * outputs },
      (_, i) => weights[(i % outputs) * count + from + Math.floor(i / outputs)]!,
    );
  const parts = [writeConstantScores(graph, encodings[0]!.name, block(0, 1))];
  const numbers = encodings.filter((encoding) => encoding.kind === 'number');
  const scaled = numbers.filter((encoding) => encoding.scale > 0);
  const flagged = numbers.filter((encoding) => encoding.flagged);
  let next = 1;
  const multiply = (matrix: string, width: number): void => {
    parts.push(graph.node('MatMul', [matrix, graph.floats([width, outputs], block(next, width))]));
    next += width;
  };
  if (scaled.length > 0) multiply(writeScaled(graph, scaled), scaled.length);
  if (flagged.length > 0) multiply(writeFlags(graph, flagged), flagged.length);
  for (const encoding of encodings) {
    if (encoding.kind !== 'category') continue;
    const size = encoding.values.length + 1;
    parts.push(
      writeLookup(graph, writeCodes(graph, encoding.name, encoding.values, 'int'), block(next, size), outputs),
    );
    next += size;
  }
  writeHead(graph, graph.node('Sum', parts), task, classes);
  return graph.finish();
}

function concat(graph: GraphBuilder, columns: readonly NumberEncoding[]): string {
  return graph.node(
    'Concat',
    columns.map(({ name }) => name),
    { attributes: { axis: { int: 1 } } },
  );
}

/** True for finite values: neither NaN nor an infinity is at most the greatest float32 in size. */
function writeKnown(graph: GraphBuilder, matrix: string): string {
  return graph.node('LessOrEqual', [graph.node('Abs', [matrix]), graph.floats([1], [3.4028234663852886e38])]);
}

function writeScaled(graph: GraphBuilder, columns: readonly NumberEncoding[]): string {
  const matrix = concat(graph, columns);
  const shape = [1, columns.length];
  const means = graph.floats(
    shape,
    columns.map(({ mean }) => mean),
  );
  const scales = graph.floats(
    shape,
    columns.map(({ scale }) => scale),
  );
  const filled = graph.node('Where', [writeKnown(graph, matrix), matrix, means]);
  const scaled = graph.node('Mul', [graph.node('Sub', [filled, means]), scales]);
  return graph.node('Clip', [scaled, graph.floats([], [-cut]), graph.floats([], [cut])]);
}

function writeFlags(graph: GraphBuilder, columns: readonly NumberEncoding[]): string {
  const missing = graph.node('Not', [writeKnown(graph, concat(graph, columns))]);
  return graph.node('Cast', [missing], { attributes: { to: { int: 1 } } });
}
