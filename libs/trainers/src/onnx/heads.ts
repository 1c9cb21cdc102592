import { integerClasses } from '../signature.js';
import type { Task } from '../table.js';
import type { GraphBuilder } from './graph.js';

/**
 * Ends a graph: from raw scores ([-1, 1] logit or value, [-1, k] logits) to the task's outputs.
 * A binary label is the second class where its probability is above one half; equal probabilities go to the first class.
 */
export function writeHead(graph: GraphBuilder, scores: string, task: Task, classes: readonly string[]): void {
  if (task === 'regression') {
    graph.node('Identity', [scores], { output: 'prediction' });
    return;
  }
  let index: string;
  if (task === 'binary') {
    const probability = graph.node('Sigmoid', [scores], { output: 'probability' });
    const positive = graph.node('Greater', [probability, graph.floats([1], [0.5])]);
    index = graph.node('Cast', [positive], { attributes: { to: { int: 7 } } });
  } else {
    const probabilities = graph.node('Softmax', [scores], {
      attributes: { axis: { int: 1 } },
      output: 'probabilities',
    });
    index = graph.node('ArgMax', [probabilities], { attributes: { axis: { int: 1 }, keepdims: { int: 1 } } });
  }
  const numbers = integerClasses(classes);
  const labels =
    numbers === undefined ? graph.strings([classes.length], classes) : graph.ints([classes.length], numbers);
  graph.node('Gather', [labels, index], { attributes: { axis: { int: 0 } }, output: 'label' });
}
