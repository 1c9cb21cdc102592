import type { GraphBuilder } from './graph.js';

/** The same scores for every row: [rows of `input`, scores]. */
export function writeConstantScores(graph: GraphBuilder, input: string, scores: ArrayLike<number>): string {
  const rows = graph.node('Shape', [input], { attributes: { start: { int: 0 }, end: { int: 1 } } });
  const shape = graph.node('Concat', [rows, graph.ints([1], [scores.length])], { attributes: { axis: { int: 0 } } });
  return graph.node('Expand', [graph.floats([1, scores.length], scores), shape]);
}
