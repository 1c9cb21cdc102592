import type { Cell } from '@relearn/contracts';
import type { StateReader, StateWriter } from './bytes.js';
import { upperBound } from './search.js';

/**
 * The latest records of one key in order of time (and of arrival where times are equal): all after the watermark and
 * the newest `keep` at or before it. That is all a row at or after the watermark can ask for; a late row finds a
 * record only when none lies between it and the watermark.
 */
export class HeldRecords {
  readonly times: number[] = [];
  readonly values: (readonly Cell[])[] = [];
  private readonly keep: number;

  constructor(keep: number) {
    this.keep = keep;
  }

  insert(time: number, values: readonly Cell[], watermark: number): void {
    if (this.times.length > 2 * this.keep + 8) this.prune(watermark, Number.NEGATIVE_INFINITY);
    const index = upperBound(this.times, time, 0);
    if (index === this.times.length) {
      this.times.push(time);
      this.values.push(values);
    } else {
      this.times.splice(index, 0, time);
      this.values.splice(index, 0, values);
    }
  }

  /** Index of the record `back` places before `time` (1: the latest at or before it); negative when there is none. */
  find(time: number, watermark: number, back: number): number {
    const after = upperBound(this.times, time, 0);
    if (time < watermark && after < upperBound(this.times, watermark, 0)) return -1;
    return after - back;
  }

  /** Drops what nobody can ask for any more, and what is older than `oldest`. */
  prune(watermark: number, oldest: number): void {
    let drop = Math.max(0, upperBound(this.times, watermark, 0) - this.keep);
    while (drop < this.times.length && (this.times[drop] ?? 0) < oldest) drop += 1;
    if (drop === 0) return;
    this.times.splice(0, drop);
    this.values.splice(0, drop);
  }

  save(writer: StateWriter): void {
    writer.number(this.times.length);
    this.times.forEach((time, index) => {
      writer.number(time);
      for (const cell of this.values[index] ?? []) writer.cell(cell);
    });
  }

  /** Reads what `save` wrote of records of so many cells. */
  load(reader: StateReader, width: number): void {
    for (let left = reader.number(); left > 0; left--) {
      this.times.push(reader.number());
      this.values.push(Array.from({ length: width }, () => reader.cell()));
    }
  }
}
