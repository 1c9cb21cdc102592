/** Runs of one size that are remembered, and how many must be before they say anything. */
const remembered = 32;
const enough = 8;

/** The last of some durations. */
export class Recent {
  private readonly values: number[] = [];
  /** The same, the least first: their median is asked for at every run. */
  private readonly ordered: number[] = [];

  add(ms: number): void {
    const [oldest] = this.values;
    if (oldest !== undefined && this.values.length === remembered) {
      this.values.shift();
      this.ordered.splice(this.placeOf(oldest), 1);
    }
    this.values.push(ms);
    this.ordered.splice(this.placeOf(ms), 0, ms);
  }

  /** Their median, ms: one that was held up changes nothing. Undefined while too few are known. */
  get median(): number | undefined {
    return this.ordered.length < enough ? undefined : this.ordered[this.ordered.length >> 1];
  }

  /** Where it is in order, or would be. */
  private placeOf(ms: number): number {
    let [from, to] = [0, this.ordered.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.ordered[middle] ?? 0) < ms) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

/** What runs of a model take, learnt by their rows: sizes of one power of two count as the same. */
export class RunCosts {
  private readonly sizes = new Map<number, Recent>();

  add(rows: number, ms: number): void {
    const size = sizeOf(rows);
    let recent = this.sizes.get(size);
    if (recent === undefined) this.sizes.set(size, (recent = new Recent()));
    recent.add(ms);
  }

  /** Median of the last runs of this size, ms; undefined while too few are known. */
  expected(rows: number): number | undefined {
    return this.sizes.get(sizeOf(rows))?.median;
  }

  /** The longest of what is known of runs of at most this size, ms; 0 while nothing is. */
  atLeast(rows: number): number {
    let most = 0;
    for (const [size, recent] of this.sizes) if (size <= sizeOf(rows)) most = Math.max(most, recent.median ?? 0);
    return most;
  }
}

function sizeOf(rows: number): number {
  return Math.ceil(Math.log2(Math.max(1, rows)));
}
