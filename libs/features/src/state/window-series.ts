import { upperBound } from './search.js';
import { type Entries, WindowCursor, type WindowNeeds } from './window-cursor.js';

/** What is kept of one column (or of labels) for one key, and the windows over it. */
export interface SeriesPlan {
  /** Slot of the column in the row's cells; undefined: labels, or the bare presence of a row. */
  readonly slot: number | undefined;
  readonly source: 'rows' | 'labels';
  /** `presence`: entries without a value, to be counted. */
  readonly storage: 'number' | 'text' | 'presence';
  readonly windows: readonly WindowNeeds[];
  readonly longest: number;
}

const compactAt = 64;

/** The values of one key by time, as far back as the longest window reaches from the watermark. */
export class WindowSeries implements Entries {
  readonly times: number[] = [];
  readonly values: (number | string)[] = [];
  readonly cursors: readonly WindowCursor[];
  head = 0;
  private readonly longest: number;

  constructor(plan: SeriesPlan) {
    this.longest = plan.longest;
    this.cursors = plan.windows.map((needs) => new WindowCursor(needs));
  }

  get size(): number {
    return this.times.length - this.head;
  }

  insert(time: number, value: number | string, watermark: number): void {
    this.prune(watermark);
    if (time < watermark - this.longest) return;
    const { times, values } = this;
    const index = upperBound(times, time, this.head);
    if (index === times.length) {
      times.push(time);
      values.push(value);
    } else {
      times.splice(index, 0, time);
      values.splice(index, 0, value);
    }
    for (const cursor of this.cursors) cursor.inserted(index, time, value);
  }

  /**
   * Makes each window [time - window, time]. What lies further back than the window reaches from the watermark is
   * forgotten, whether or not it is still in memory: a late row sees the same whenever memory was cleared.
   */
  position(time: number, watermark: number): void {
    const latest = time < watermark ? watermark : time;
    for (const cursor of this.cursors) cursor.move(this, latest - cursor.needs.window, time);
  }

  prune(watermark: number): void {
    const oldest = watermark - this.longest;
    const { times } = this;
    let head = this.head;
    while (head < times.length && (times[head] ?? 0) < oldest) head += 1;
    if (head === this.head) return;
    for (const cursor of this.cursors) cursor.release(this, head, oldest);
    this.head = head;
    if (head < compactAt || head * 2 < times.length) return;
    times.splice(0, head);
    this.values.splice(0, head);
    for (const cursor of this.cursors) cursor.shift(head);
    this.head = 0;
  }
}
