// Models that the behaviours are measured with, written as ONNX files.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GraphBuilder } from '../../libs/trainers/dist/onnx/graph.js';

const number = (name, width = 1) => ({ name, datatype: 'FP32', shape: [-1, width] });

/** y = x + offset. */
export function addition(offset) {
  const graph = new GraphBuilder([number('x')], [number('y')]);
  graph.node('Add', ['x', graph.floats([1], [offset])], { output: 'y' });
  return graph.finish();
}

/** y = mean of `width` values. */
export function meanOf(width) {
  const graph = new GraphBuilder([number('x', width)], [number('y')]);
  graph.node('ReduceMean', ['x'], { attributes: { axes: { ints: [1] }, keepdims: { int: 1 } }, output: 'y' });
  return graph.finish();
}

/** Each row's number through so many products with a square matrix: what a run takes grows with its rows. */
export function deep(products, width) {
  const graph = new GraphBuilder([number('x')], [number('y')]);
  const values = (count) => Array.from({ length: count }, (_, at) => ((at % 7) - 3) / width);
  const weights = graph.floats([width, width], values(width * width));
  let last = graph.node('MatMul', ['x', graph.floats([1, width], values(width))]);
  for (let at = 0; at < products; at++) last = graph.node('MatMul', [last, weights]);
  graph.node('ReduceMean', [last], { attributes: { axes: { ints: [1] }, keepdims: { int: 1 } }, output: 'y' });
  return graph.finish();
}

/** y = x, after products of large matrices that take the same whatever the rows are. */
export function slow(products) {
  const size = 512;
  const graph = new GraphBuilder([number('x')], [number('y')]);
  const sum = graph.node('ReduceSum', ['x'], { attributes: { keepdims: { int: 1 } } });
  const nothing = graph.node('Mul', [sum, graph.floats([1], [0])]);
  const matrix = graph.node('Expand', [nothing, graph.ints([2], [size, size])]);
  let last = matrix;
  for (let at = 0; at < products; at++) last = graph.node('MatMul', [last, matrix]);
  const max = graph.node('ReduceMax', [last], { attributes: { keepdims: { int: 1 } } });
  graph.node('Add', ['x', max], { output: 'y' });
  return graph.finish();
}

export async function modelFile(folder, name, onnx) {
  const file = join(folder, `${name}.onnx`);
  await writeFile(file, onnx);
  return { name, file };
}
