/** Runs of one size that are remembered, and how many must be before they say anything. */
const remembered = 32;
const enough = 8;

/** What runs of a model take, learnt by their rows: sizes of one power of two count as the same. */
export class RunCosts {
  private readonly sizes = new Map<number, number[]>();

  add(rows: number, ms: number): void {
    const size = sizeOf(rows);
    const recent = this.sizes.get(size);
    if (recent === undefined) {
      this.sizes.set(size, [ms]);
      return;
    }
    recent.push(ms);
    if (recent.length > remembered) recent.shift();
  }

  /** Median of the last runs of this size, ms: one that was held up changes nothing. Undefined while too few are known. */
  expected(rows: number): number | undefined {
    const recent = this.sizes.get(sizeOf(rows));
    if (recent === undefined || recent.length < enough) return undefined;
    return recent.toSorted((a, b) => a - b)[recent.length >> 1];
  }
}

function sizeOf(rows: number): number {
  return Math.ceil(Math.log2(Math.max(1, rows)));
}
