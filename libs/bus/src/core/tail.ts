import type { Position, ReadLimits } from '../port.js';
import { cutBatch } from './batch.js';
import type { LogEntry } from './log.js';
import { recordBytes } from './records.js';

/** The newest entries of a partition, kept so that readers at its end need not ask storage. */
export class Tail {
  private readonly mostBytes: number;
  private readonly entries: LogEntry[] = [];
  private bytes = 0;
  /** Every durable entry from this position on is here. */
  private from: Position;

  constructor(from: Position, mostBytes: number) {
    this.from = from;
    this.mostBytes = mostBytes;
  }

  add(entry: LogEntry): void {
    this.entries.push(entry);
    this.bytes += recordBytes(entry.head, entry.value);
    if (this.bytes > this.mostBytes) this.shorten();
  }

  /** What there is from the position on, or null when storage has to tell. */
  read(from: Position, limits: ReadLimits): LogEntry[] | null {
    return from < this.from ? null : cutBatch(this.entries, from, limits);
  }

  /** Down to half of the limit, so that it is not the work of every entry. */
  private shorten(): void {
    let count = 0;
    for (const entry of this.entries) {
      if (this.bytes <= this.mostBytes / 2) break;
      this.bytes -= recordBytes(entry.head, entry.value);
      this.from = entry.position + 1;
      count += 1;
    }
    this.entries.splice(0, count);
  }
}
