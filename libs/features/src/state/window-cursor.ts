import { ExactSum, standardDeviation } from './exact-sum.js';
import { ExtremeQueue } from './extreme-queue.js';

/** What the features of one window ask for. */
export interface WindowNeeds {
  readonly window: number;
  readonly sum: boolean;
  readonly squares: boolean;
  readonly greatest: boolean;
  readonly least: boolean;
  readonly distinct: boolean;
}

/** The entries of a series in order of time, and of arrival where times are equal. */
export interface Entries {
  readonly times: readonly number[];
  readonly values: readonly (number | string)[];
  readonly head: number;
}

/**
 * One window over a series: the entries [start, end) are in its sums and counts. Moving the window adds and takes
 * out entries exactly, so that every figure depends on the window's contents alone.
 */
export class WindowCursor {
  readonly needs: WindowNeeds;
  private start = 0;
  private end = 0;
  private from = Number.NEGATIVE_INFINITY;
  private readonly sums: ExactSum | undefined;
  private readonly squares: ExactSum | undefined;
  private readonly tally: Map<number | string, number> | undefined;
  private readonly greatestQueue: ExtremeQueue | undefined;
  private readonly leastQueue: ExtremeQueue | undefined;

  constructor(needs: WindowNeeds) {
    this.needs = needs;
    this.sums = needs.sum || needs.squares ? new ExactSum() : undefined;
    this.squares = needs.squares ? new ExactSum() : undefined;
    this.tally = needs.distinct ? new Map() : undefined;
    this.greatestQueue = needs.greatest ? new ExtremeQueue() : undefined;
    this.leastQueue = needs.least ? new ExtremeQueue() : undefined;
  }

  /** Makes the window [from, to], both inclusive. */
  move(entries: Entries, from: number, to: number): void {
    const { times, values, head } = entries;
    this.from = from;
    while (this.end < times.length && (times[this.end] ?? 0) <= to) this.put(values[this.end++] ?? 0);
    while (this.end > head && (times[this.end - 1] ?? 0) > to) {
      this.end -= 1;
      if (this.end >= this.start) this.take(values[this.end] ?? 0);
      else this.start = this.end;
    }
    while (this.start < this.end && (times[this.start] ?? 0) < from) this.take(values[this.start++] ?? 0);
    while (this.start > head && (times[this.start - 1] ?? 0) >= from) this.put(values[--this.start] ?? 0);
  }

  /** An entry was inserted at `index`. */
  inserted(index: number, time: number, value: number | string): void {
    if (typeof value === 'number') {
      this.greatestQueue?.insert(time, value);
      this.leastQueue?.insert(time, -value);
    }
    if (index < this.start) {
      this.start += 1;
      this.end += 1;
    } else if (index < this.end) {
      this.put(value);
      this.end += 1;
    }
  }

  /** The entries before `head`, all of them before the time `oldest`, are about to go. */
  release(entries: Entries, head: number, oldest: number): void {
    this.greatestQueue?.dropBefore(oldest);
    this.leastQueue?.dropBefore(oldest);
    while (this.start < head) {
      if (this.start < this.end) this.take(entries.values[this.start] ?? 0);
      this.start += 1;
    }
    if (this.end < this.start) this.end = this.start;
  }

  /** The entries move forward by so many places. */
  shift(places: number): void {
    this.start -= places;
    this.end -= places;
  }

  get count(): number {
    return this.end - this.start;
  }

  /** Entries a second. */
  rate(): number {
    return this.count / (this.needs.window / 1000);
  }

  sum(): number {
    return this.sums?.value() ?? 0;
  }

  mean(): number | null {
    return this.count === 0 ? null : this.sum() / this.count;
  }

  deviation(): number | null {
    if (this.sums === undefined || this.squares === undefined) return null;
    return standardDeviation(this.count, this.sums, this.squares);
  }

  distinct(): number {
    return this.tally?.size ?? 0;
  }

  /** The value of the latest entry; of those at one time, the one that came last. */
  last(entries: Entries): number | string | null {
    return this.count === 0 ? null : (entries.values[this.end - 1] ?? null);
  }

  greatest(entries: Entries): number | null {
    const inOrder = this.end === entries.times.length && this.greatestQueue?.reaches(this.from);
    if (inOrder) return this.greatestQueue?.greatestSince(this.from) ?? null;
    return this.scan(entries, Math.max);
  }

  least(entries: Entries): number | null {
    const inOrder = this.end === entries.times.length && this.leastQueue?.reaches(this.from);
    if (!inOrder) return this.scan(entries, Math.min);
    const negated = this.leastQueue?.greatestSince(this.from) ?? null;
    return negated === null ? null : 0 - negated;
  }

  /** For a row that came out of order: the queues know only windows that reach the latest entry. */
  private scan(entries: Entries, choose: (a: number, b: number) => number): number | null {
    let best: number | null = null;
    for (let index = this.start; index < this.end; index++) {
      const value = entries.values[index];
      if (typeof value === 'number') best = best === null ? value : choose(best, value);
    }
    return best;
  }

  private put(value: number | string): void {
    if (typeof value === 'number') {
      this.sums?.add(value);
      this.squares?.addProduct(value, value, 1);
    }
    this.tally?.set(value, (this.tally.get(value) ?? 0) + 1);
  }

  private take(value: number | string): void {
    if (typeof value === 'number') {
      this.sums?.add(-value);
      this.squares?.addProduct(value, value, -1);
    }
    const left = (this.tally?.get(value) ?? 0) - 1;
    if (left > 0) this.tally?.set(value, left);
    else this.tally?.delete(value);
  }
}
