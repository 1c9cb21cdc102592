import { addTree, type Tree } from './tree.js';

/** Draws the rows and columns of each round. Without sampling it draws everything and spends nothing. */
export class Sampler {
  /** The round's rows, ascending. */
  bag: Int32Array;
  /** 1 for each column that may split in this round. */
  readonly features: Uint8Array;
  private readonly rest: Int32Array;
  private restCount = 0;
  private readonly buffer: Int32Array;

  private readonly binned: readonly Uint8Array[];
  private readonly rowFraction: number;
  private readonly featureFraction: number;
  private readonly next: () => number;

  constructor(binned: readonly Uint8Array[], rowFraction: number, featureFraction: number, next: () => number) {
    this.binned = binned;
    this.rowFraction = rowFraction;
    this.featureFraction = featureFraction;
    this.next = next;
    const rows = binned[0]?.length ?? 0;
    this.buffer = Int32Array.from({ length: rows }, (_, row) => row);
    this.bag = this.buffer;
    this.rest = new Int32Array(rowFraction < 1 ? rows : 0);
    this.features = new Uint8Array(binned.length).fill(1);
  }

  draw(): void {
    if (this.rowFraction < 1) this.drawRows();
    if (this.featureFraction < 1) this.drawFeatures();
  }

  private drawRows(): void {
    const rows = this.buffer.length;
    let needed = Math.max(1, Math.round(rows * this.rowFraction));
    let taken = 0;
    this.restCount = 0;
    // Selection sampling (Knuth, TAOCP 3.4.2, algorithm S): exactly `needed` rows, in order.
    for (let row = 0; row < rows; row++) {
      if (this.next() * (rows - row) < needed) {
        this.buffer[taken++] = row;
        needed--;
      } else this.rest[this.restCount++] = row;
    }
    this.bag = this.buffer.subarray(0, taken);
  }

  private drawFeatures(): void {
    const count = this.features.length;
    let needed = Math.max(1, Math.round(count * this.featureFraction));
    for (let feature = 0; feature < count; feature++) {
      const take = this.next() * (count - feature) < needed;
      this.features[feature] = take ? 1 : 0;
      if (take) needed--;
    }
  }

  /** Adds the tree to the scores of the rows that are not in the bag; growing it has done so for those that are. */
  addToOthers(tree: Tree, scores: Float64Array, width: number, output: number): void {
    if (this.restCount > 0) addTree(tree, this.binned, scores, width, output, this.rest.subarray(0, this.restCount));
  }
}
