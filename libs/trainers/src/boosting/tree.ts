/**
 * One decision tree over bins. Node 0 is the root; a child >= 0 is a node, one < 0 the leaf ~child. A node sends a row
 * left where the bin of its feature is in the node's set: 256 bits in eight words.
 */
export interface Tree {
  readonly feature: Int32Array;
  readonly sets: Uint32Array;
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly gain: Float64Array;
  /** What a leaf adds to the score, as float32. */
  readonly values: Float32Array;
}

export const setWords = 8;

export function inSet(sets: Uint32Array, node: number, bin: number): boolean {
  return ((sets[node * setWords + (bin >> 5)]! >>> (bin & 31)) & 1) === 1;
}

/** Adds the tree's output to `scores[row * width + output]` for the rows given, or for all. */
export function addTree(
  tree: Tree,
  columns: readonly Uint8Array[],
  scores: Float64Array,
  width: number,
  output: number,
  rows?: Int32Array,
): void {
  const { feature, sets, left, right, values } = tree;
  const root = feature.length === 0 ? -1 : 0;
  const count = rows === undefined ? scores.length / width : rows.length;
  for (let i = 0; i < count; i++) {
    const row = rows === undefined ? i : rows[i]!;
    let node = root;
    while (node >= 0) {
      const bin = columns[feature[node]!]![row]!;
      const word = sets[node * setWords + (bin >> 5)]!;
      node = ((word >>> (bin & 31)) & 1) === 1 ? left[node]! : right[node]!;
    }
    const at = row * width + output;
    scores[at] = scores[at]! + values[~node]!;
  }
}
