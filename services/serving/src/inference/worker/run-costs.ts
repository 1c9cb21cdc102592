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
      this.ordered.splice(this.ordered.indexOf(oldest), 1);
    }
    this.values.push(ms);
    const at = this.ordered.findIndex((one) => one > ms);
    this.ordered.splice(at === -1 ? this.ordered.length : at, 0, ms);
  }

  /** Their median, ms: one that was held up changes nothing. Undefined while too few are known. */
  get median(): number | undefined {
    return this.ordered.length < enough ? undefined : this.ordered[this.ordered.length >> 1];
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
