import type { ColumnBins } from './binning.js';
import { fillHistogram, type Histogram, newHistogram, type PackedGradients, subtractHistogram } from './histogram.js';
import { type BinMatrix, cellCount } from './matrix.js';
import type { Gradients } from './objective.js';
import { type LeafSums, SplitFinder, type SplitRules } from './split.js';
import { setWords, type Tree } from './tree.js';

export interface GrowthRules extends SplitRules {
  readonly maxLeaves: number;
  /** 0 is no limit. */
  readonly maxDepth: number;
  readonly learningRate: number;
}

interface Leaf {
  begin: number;
  end: number;
  depth: number;
  histogram: Histogram | undefined;
  readonly sums: LeafSums;
  /** The node that this leaf hangs from and on which side; -1 for the root. */
  parent: number;
  isLeft: boolean;
  gain: number;
  feature: number;
  leftGradient: number;
  leftHessian: number;
  readonly set: Uint32Array;
}

/** A split whose real rows fall below the minimum is searched again with a stricter estimate, so many times. */
const retries = 4;

/** Grows trees leaf by leaf, always splitting the leaf that gains most. Buffers are kept from tree to tree. */
export class TreeGrower {
  private readonly finder: SplitFinder;
  private readonly rows: Int32Array;
  private readonly spare: Int32Array;
  private readonly scratch: Float64Array;
  private readonly goesLeft = new Uint8Array(256);
  private readonly leaves: Leaf[];
  private readonly pool: Histogram[] = [];
  private leafCount = 0;
  private readonly nodes: {
    feature: Int32Array;
    sets: Uint32Array;
    left: Int32Array;
    right: Int32Array;
    gain: Float64Array;
  };

  private readonly binned: readonly Uint8Array[];
  private readonly matrix: BinMatrix;
  private readonly rules: GrowthRules;

  constructor(columns: readonly ColumnBins[], binned: readonly Uint8Array[], matrix: BinMatrix, rules: GrowthRules) {
    this.binned = binned;
    this.matrix = matrix;
    this.rules = rules;
    const rowCount = binned[0]?.length ?? 0;
    const { maxLeaves } = rules;
    this.finder = new SplitFinder(columns, matrix.offsets, rules);
    this.rows = new Int32Array(rowCount);
    this.spare = new Int32Array(rowCount);
    this.scratch = new Float64Array(cellCount(matrix));
    this.leaves = Array.from({ length: maxLeaves }, newLeaf);
    this.nodes = {
      feature: new Int32Array(maxLeaves),
      sets: new Uint32Array(maxLeaves * setWords),
      left: new Int32Array(maxLeaves),
      right: new Int32Array(maxLeaves),
      gain: new Float64Array(maxLeaves),
    };
  }

  /**
   * Grows one tree on the rows of `bag` (ascending) and adds it to their scores (`scores[row * width + output]`).
   * `allowed` marks the features that may split.
   */
  grow(
    bag: Int32Array,
    packed: PackedGradients,
    real: Gradients,
    allowed: Uint8Array,
    scores: Float64Array,
    width: number,
    output: number,
  ): Tree {
    this.plantRoot(bag, packed);
    this.search(this.leaves[0]!, allowed, this.rules.minRows);
    while (this.leafCount < this.rules.maxLeaves) {
      const leaf = this.bestLeaf();
      if (leaf < 0) break;
      this.split(leaf, packed, allowed);
    }
    return this.harvest(real, scores, width, output);
  }

  private plantRoot(bag: Int32Array, { packed, gradientStep, hessianStep }: PackedGradients): void {
    this.rows.set(bag);
    this.leafCount = 1;
    this.releaseAll();
    const root = this.leaves[0]!;
    root.begin = 0;
    root.end = bag.length;
    root.depth = 0;
    root.parent = -1;
    root.histogram = this.borrow();
    fillHistogram(this.matrix, packed, this.rows, 0, bag.length, root.histogram, this.scratch);
    // Every row is in one bin of each feature, so the first feature's bins sum up the leaf.
    let gradient = 0;
    let hessian = 0;
    for (let bin = 0; bin < this.matrix.offsets[1]!; bin++) {
      gradient += root.histogram.gradient[bin]!;
      hessian += root.histogram.hessian[bin]!;
    }
    for (const leaf of this.leaves) {
      leaf.sums.gradientStep = gradientStep;
      leaf.sums.hessianStep = hessianStep;
    }
    setSums(root, gradient, hessian);
  }

  private bestLeaf(): number {
    let best = -1;
    let gain = 0;
    for (let i = 0; i < this.leafCount; i++) {
      if (this.leaves[i]!.gain > gain) {
        gain = this.leaves[i]!.gain;
        best = i;
      }
    }
    return best;
  }

  private mayGrow(leaf: Leaf): boolean {
    const { maxDepth, minRows } = this.rules;
    return leaf.end - leaf.begin >= 2 * minRows && (maxDepth === 0 || leaf.depth < maxDepth);
  }

  private search(leaf: Leaf, allowed: Uint8Array, minRows: number): void {
    leaf.gain = 0;
    if (leaf.histogram === undefined || !this.mayGrow(leaf)) return;
    const { finder } = this;
    finder.find(leaf.histogram, leaf.sums, allowed, minRows);
    leaf.gain = finder.gain;
    leaf.feature = finder.feature;
    leaf.leftGradient = finder.leftGradient;
    leaf.leftHessian = finder.leftHessian;
    leaf.set.set(finder.set);
  }

  /** Splits a leaf by its best split, where both children really have rows enough. */
  private split(index: number, { packed }: PackedGradients, allowed: Uint8Array): void {
    const leaf = this.leaves[index]!;
    const { minRows } = this.rules;
    let middle = this.partition(leaf);
    for (let i = 1; Math.min(middle - leaf.begin, leaf.end - middle) < minRows; i++) {
      if (i > retries) leaf.gain = 0;
      else this.search(leaf, allowed, minRows * 2 ** i);
      if (leaf.gain === 0) return;
      middle = this.partition(leaf);
    }
    const right = this.addNode(index, middle);
    if (this.leafCount === this.rules.maxLeaves || !(this.mayGrow(leaf) || this.mayGrow(right))) {
      leaf.gain = 0;
      right.gain = 0;
      return;
    }
    const parent = leaf.histogram!;
    const [small, large] = right.end - right.begin < leaf.end - leaf.begin ? [right, leaf] : [leaf, right];
    const built = this.borrow();
    fillHistogram(this.matrix, packed, this.rows, small.begin, small.end, built, this.scratch);
    subtractHistogram(parent, built);
    small.histogram = built;
    large.histogram = parent;
    this.search(leaf, allowed, minRows);
    this.search(right, allowed, minRows);
  }

  /** Orders the leaf's rows left side first, each side in its old order; returns where the right side begins. */
  private partition(leaf: Leaf): number {
    const { rows, spare, goesLeft } = this;
    for (let bin = 0; bin < 256; bin++) goesLeft[bin] = (leaf.set[bin >> 5]! >>> (bin & 31)) & 1;
    const bins = this.binned[leaf.feature]!;
    let left = leaf.begin;
    let right = 0;
    for (let i = leaf.begin; i < leaf.end; i++) {
      const row = rows[i]!;
      const go = goesLeft[bins[row]!]!;
      rows[left] = row;
      spare[right] = row;
      left += go;
      right += 1 - go;
    }
    for (let i = 0; i < right; i++) rows[left + i] = spare[i]!;
    return left;
  }

  /** Makes a node of the leaf; the leaf becomes its left child, the leaf returned its right one. */
  private addNode(index: number, middle: number): Leaf {
    const { nodes } = this;
    const leaf = this.leaves[index]!;
    const node = this.leafCount - 1;
    const rightIndex = this.leafCount++;
    const right = this.leaves[rightIndex]!;
    nodes.feature[node] = leaf.feature;
    nodes.gain[node] = leaf.gain;
    nodes.sets.set(leaf.set, node * setWords);
    nodes.left[node] = ~index;
    nodes.right[node] = ~rightIndex;
    if (leaf.parent >= 0) (leaf.isLeft ? nodes.left : nodes.right)[leaf.parent] = node;
    right.begin = middle;
    right.end = leaf.end;
    leaf.end = middle;
    right.depth = ++leaf.depth;
    right.parent = node;
    leaf.parent = node;
    right.isLeft = false;
    leaf.isLeft = true;
    setSums(right, leaf.sums.gradient - leaf.leftGradient, leaf.sums.hessian - leaf.leftHessian);
    setSums(leaf, leaf.leftGradient, leaf.leftHessian);
    return right;
  }

  /** Newton steps from the unrounded gradients of each leaf's rows. */
  private harvest(gradients: Gradients, scores: Float64Array, width: number, output: number): Tree {
    const { rows, nodes, leafCount } = this;
    const values = new Float32Array(leafCount);
    for (let index = 0; index < leafCount; index++) {
      const { begin, end } = this.leaves[index]!;
      let g = 0;
      let h = this.rules.l2;
      for (let i = begin; i < end; i++) {
        const row = rows[i]!;
        g += gradients[2 * row]!;
        h += gradients[2 * row + 1]!;
      }
      values[index] = h > 0 ? (-this.rules.learningRate * g) / h : 0;
      const value = values[index]!;
      for (let i = begin; i < end; i++) {
        const at = rows[i]! * width + output;
        scores[at] = scores[at]! + value;
      }
    }
    const count = leafCount - 1;
    return {
      feature: nodes.feature.slice(0, count),
      sets: nodes.sets.slice(0, count * setWords),
      left: nodes.left.slice(0, count),
      right: nodes.right.slice(0, count),
      gain: nodes.gain.slice(0, count),
      values,
    };
  }

  private borrow(): Histogram {
    return this.pool.pop() ?? newHistogram(this.matrix.offsets.at(-1) ?? 0);
  }

  private releaseAll(): void {
    for (const leaf of this.leaves) {
      if (leaf.histogram !== undefined) this.pool.push(leaf.histogram);
      leaf.histogram = undefined;
    }
  }
}

function newLeaf(): Leaf {
  return {
    begin: 0,
    end: 0,
    depth: 0,
    histogram: undefined,
    sums: { gradient: 0, hessian: 0, rows: 0, gradientStep: 0, hessianStep: 0 },
    parent: -1,
    isLeft: false,
    gain: 0,
    feature: -1,
    leftGradient: 0,
    leftHessian: 0,
    set: new Uint32Array(setWords),
  };
}

/** The sums of a leaf whose rows are set. */
function setSums(leaf: Leaf, gradient: number, hessian: number): void {
  leaf.sums.gradient = gradient;
  leaf.sums.hessian = hessian;
  leaf.sums.rows = leaf.end - leaf.begin;
}
