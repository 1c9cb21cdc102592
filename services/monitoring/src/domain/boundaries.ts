/** Where the log of a shard stood when its watermark first reached a time. */
export interface Boundary {
  /** Address of the last record before it. */
  readonly read: number;
  /** Labels known before it. */
  readonly labelled: number;
}

export interface SavedBoundaries {
  readonly watermark: number | null;
  readonly last: Boundary;
  readonly reached: readonly [number, Boundary][];
}

/**
 * The watermark of a shard's records, and the log's boundary at each time at which a window may close: these follow from
 * the records alone, not from how far another topic has been read meanwhile.
 */
export class Boundaries {
  private readonly width: number;
  private readonly delay: number;
  private readonly reached: Map<number, Boundary>;
  private last: Boundary;
  private current: number;

  constructor(width: number, delay: number, saved?: SavedBoundaries) {
    this.width = width;
    this.delay = delay;
    this.current = saved?.watermark ?? Number.NEGATIVE_INFINITY;
    this.last = saved?.last ?? { read: 0, labelled: 0 };
    this.reached = new Map(saved?.reached);
  }

  get watermark(): number {
    return this.current;
  }

  /** A record at the address moves the watermark to the time, if that is later. */
  pass(time: number, address: number, labelled: number): void {
    if (time > this.current) {
      for (const grid of [0, this.delay % this.width]) this.mark(time, grid);
      this.current = time;
    }
    this.last = { read: address, labelled };
  }

  /** The boundary at the time, which the watermark has reached. */
  at(time: number): Boundary {
    const found = this.reached.get(time);
    if (found !== undefined) return found;
    // A silence longer than what was marked: the last mark before holds for all of it.
    const before = [...this.reached.keys()].filter((key) => key <= time).sort((a, b) => b - a)[0];
    return (before === undefined ? undefined : this.reached.get(before)) ?? this.last;
  }

  /** Forgets boundaries below the time, but for the last of them. */
  forget(time: number): void {
    const old = [...this.reached.keys()].filter((key) => key < time).sort((a, b) => a - b);
    for (const key of old.slice(0, -2)) this.reached.delete(key);
  }

  save(): SavedBoundaries {
    return {
      watermark: Number.isFinite(this.current) ? this.current : null,
      last: this.last,
      reached: [...this.reached],
    };
  }

  /** Marks the closing times (grid + k width) that the move to `time` passes; of many, the latest few. */
  private mark(time: number, grid: number): void {
    const latest = Math.floor((time - grid) / this.width) * this.width + grid;
    const from = Math.max(
      Number.isFinite(this.current) ? this.current : latest - this.width,
      latest - 400 * this.width,
    );
    for (let at = latest; at > from; at -= this.width) this.reached.set(at, this.last);
  }
}
