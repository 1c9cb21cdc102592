import type { Stretch } from './spool-files.js';
import type { SpooledLine } from './spooled-line.js';

/** What is known of lines that wait in a file: those of one write, of one model. */
export interface Waiting {
  readonly stretch: Stretch;
  readonly pipeline: string;
  readonly lines: number;
  readonly rows: number;
  /** Number of the last row. */
  readonly last: number;
  /** Does the judge of a rollout wait for them? */
  readonly judged: boolean;
}

/** Lines, and their bytes, that are shipped at once. */
const shipAtOnce = 1_024;
const shipBytes = 4 * 1024 * 1024;

/** Lines of one write, with the first of them. */
export function waitingOf({ first, pipeline }: SpooledLine, lines: readonly SpooledLine[], stretch: Stretch): Waiting {
  const rows = lines.reduce((sum, line) => sum + line.rows, 0);
  return {
    stretch,
    pipeline,
    lines: lines.length,
    rows,
    last: first + rows - 1,
    judged: lines.some(({ challenger }) => challenger !== undefined),
  };
}

/** All that wait for the bus, in the order of their rows, and how much that is. */
export class WaitingLines {
  lines = 0;
  rows = 0;
  bytes = 0;
  private all: Waiting[] = [];

  get none(): boolean {
    return this.all.length === 0;
  }

  /** More than one shipment takes. */
  get behind(): boolean {
    return this.lines >= shipAtOnce || this.bytes > shipBytes;
  }

  add(waiting: Waiting): void {
    this.all.push(waiting);
    this.count(waiting, 1);
  }

  /** Those of the next shipment; at least one where any wait. */
  next(): readonly Waiting[] {
    let [lines, bytes] = [0, 0];
    const end = this.all.findIndex((waiting, index) => {
      lines += waiting.lines;
      bytes += waiting.stretch.bytes;
      return index > 0 && (lines > shipAtOnce || bytes > shipBytes);
    });
    return end === -1 ? this.all.slice() : this.all.slice(0, end);
  }

  /** The first ones have gone. */
  gone(batch: readonly Waiting[]): void {
    this.all = this.all.slice(batch.length);
    for (const waiting of batch) this.count(waiting, -1);
  }

  private count({ lines, rows, stretch }: Waiting, sign: 1 | -1): void {
    this.lines += sign * lines;
    this.rows += sign * rows;
    this.bytes += sign * stretch.bytes;
  }
}
