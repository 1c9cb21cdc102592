import { writeCodes, writeLookup } from '../onnx/categories.js';
import { writeConstantScores } from '../onnx/constant.js';
import { GraphBuilder } from '../onnx/graph.js';
import { writeHead } from '../onnx/heads.js';
import { signature } from '../signature.js';
import type { Task } from '../table.js';
import type { CategoryBins, ColumnBins } from './binning.js';
import { inSet, type Tree } from './tree.js';

/** A sum of trees by output: trees[t] belongs to output t % width. */
export interface Ensemble {
  readonly columns: readonly ColumnBins[];
  readonly width: number;
  readonly prior: Float64Array;
  readonly trees: readonly Tree[];
}

/**
 * Categories go through the graph in blocks of 32: a block's column is the place (1 to 32) of the value in the block and
 * 0 for every other value. ONNX Runtime folds a chain of equality nodes on one column into one bit mask, if the places
 * are at most 32.
 */
const blockSize = 32;

/** Writes the ensemble as one graph from raw columns to the task's outputs. */
export function lowerEnsemble(ensemble: Ensemble, task: Task, classes: readonly string[]): Uint8Array {
  const { inputs, outputs } = signature({ columns: ensemble.columns }, task, classes);
  const graph = new GraphBuilder(inputs, outputs);
  const scores =
    ensemble.trees.length === 0
      ? writeConstantScores(graph, ensemble.columns[0]!.name, ensemble.prior)
      : writeTrees(graph, ensemble);
  writeHead(graph, scores, task, classes);
  return graph.finish();
}

function writeTrees(graph: GraphBuilder, { columns, trees, width, prior }: Ensemble): string {
  const firstFeature: number[] = [];
  const parts: string[] = [];
  let features = 0;
  for (const column of columns) {
    firstFeature.push(features);
    const blocks = column.kind === 'number' ? 1 : Math.max(1, Math.ceil(column.values.length / blockSize));
    parts.push(column.kind === 'number' ? column.name : writeCategory(graph, column, blocks));
    features += blocks;
  }
  const matrix = graph.node('Concat', parts, { attributes: { axis: { int: 1 } } });
  const nodes = new NodeList(columns, firstFeature);
  trees.forEach((tree, i) => nodes.addTree(tree, i % width));
  return graph.node('TreeEnsembleRegressor', [matrix], {
    domain: 'ai.onnx.ml',
    attributes: nodes.attributes(width, prior),
  });
}

function writeCategory(graph: GraphBuilder, { name, values }: CategoryBins, blocks: number): string {
  if (blocks === 1) return writeCodes(graph, name, values, 'float');
  const places = new Float32Array((values.length + 1) * blocks);
  for (let i = 0; i < values.length; i++) {
    places[(i + 1) * blocks + Math.floor(i / blockSize)] = (i % blockSize) + 1;
  }
  return writeLookup(graph, writeCodes(graph, name, values, 'int'), places, blocks);
}

/** The parallel lists that TreeEnsembleRegressor keeps its nodes in. */
class NodeList {
  private readonly treeIds: number[] = [];
  private readonly nodeIds: number[] = [];
  private readonly featureIds: number[] = [];
  private readonly modes: string[] = [];
  private readonly thresholds: number[] = [];
  private readonly trueIds: number[] = [];
  private readonly falseIds: number[] = [];
  private readonly missingTrue: number[] = [];
  private readonly leafTrees: number[] = [];
  private readonly leafNodes: number[] = [];
  private readonly leafOutputs: number[] = [];
  private readonly leafValues: number[] = [];
  private trees = 0;
  /** Where the present tree begins in the lists, and its next node's id. */
  private begin = 0;
  private next = 0;

  private readonly columns: readonly ColumnBins[];
  private readonly firstFeature: readonly number[];

  constructor(columns: readonly ColumnBins[], firstFeature: readonly number[]) {
    this.columns = columns;
    this.firstFeature = firstFeature;
  }

  addTree(tree: Tree, output: number): void {
    this.begin = this.nodeIds.length;
    this.next = 0;
    this.addChild(tree, tree.feature.length === 0 ? -1 : 0, output);
    this.trees++;
  }

  attributes(width: number, prior: Float64Array) {
    return {
      n_targets: { int: width },
      base_values: { floats: Float32Array.from(prior) },
      nodes_treeids: { ints: this.treeIds },
      nodes_nodeids: { ints: this.nodeIds },
      nodes_featureids: { ints: this.featureIds },
      nodes_modes: { texts: this.modes },
      nodes_values: { floats: Float32Array.from(this.thresholds) },
      nodes_truenodeids: { ints: this.trueIds },
      nodes_falsenodeids: { ints: this.falseIds },
      nodes_missing_value_tracks_true: { ints: this.missingTrue },
      target_treeids: { ints: this.leafTrees },
      target_nodeids: { ints: this.leafNodes },
      target_ids: { ints: this.leafOutputs },
      target_weights: { floats: Float32Array.from(this.leafValues) },
    };
  }

  /** Adds a node or leaf with all below it and returns its id. */
  private addChild(tree: Tree, child: number, output: number): number {
    if (child < 0) {
      const id = this.addNode('LEAF', 0, 0, 0);
      this.leafTrees.push(this.trees);
      this.leafNodes.push(id);
      this.leafOutputs.push(output);
      this.leafValues.push(tree.values[~child]!);
      return id;
    }
    const column = this.columns[tree.feature[child]!]!;
    return column.kind === 'number' ? this.addThreshold(tree, child, output) : this.addMembership(tree, child, output);
  }

  private addThreshold(tree: Tree, node: number, output: number): number {
    const feature = tree.feature[node]!;
    const column = this.columns[feature]!;
    let bin = column.count - 1;
    while (!inSet(tree.sets, node, bin)) bin--;
    const bound = column.kind === 'number' ? column.upper[bin - 1]! : 0;
    const id = this.addNode('BRANCH_LEQ', this.firstFeature[feature]!, bound, inSet(tree.sets, node, 0) ? 1 : 0);
    this.trueIds[this.begin + id] = this.addChild(tree, tree.left[node]!, output);
    this.falseIds[this.begin + id] = this.addChild(tree, tree.right[node]!, output);
    return id;
  }

  /** A chain of equality tests over the side without the missing values; all of them lead to the same child. */
  private addMembership(tree: Tree, node: number, output: number): number {
    const feature = tree.feature[node]!;
    const named = !inSet(tree.sets, node, 0);
    const chain: number[] = [];
    for (let bin = 1; bin < this.columns[feature]!.count; bin++) {
      if (inSet(tree.sets, node, bin) !== named) continue;
      const block = Math.floor((bin - 1) / blockSize);
      chain.push(this.addNode('BRANCH_EQ', this.firstFeature[feature]! + block, ((bin - 1) % blockSize) + 1, 0));
    }
    const hit = this.addChild(tree, named ? tree.left[node]! : tree.right[node]!, output);
    const miss = this.addChild(tree, named ? tree.right[node]! : tree.left[node]!, output);
    chain.forEach((id, i) => {
      this.trueIds[this.begin + id] = hit;
      this.falseIds[this.begin + id] = chain[i + 1] ?? miss;
    });
    return chain[0]!;
  }

  private addNode(mode: string, feature: number, threshold: number, missingTrue: number): number {
    this.treeIds.push(this.trees);
    this.nodeIds.push(this.next);
    this.featureIds.push(feature);
    this.modes.push(mode);
    this.thresholds.push(threshold);
    this.trueIds.push(0);
    this.falseIds.push(0);
    this.missingTrue.push(missingTrue);
    return this.next++;
  }
}
