import type { MachineMs } from '@relearn/kernel';
import { onAbort } from '../core/aborts.js';
import type { Position, ReadLimits, StoredRecord } from '../port.js';
import { type Chunk, cut, type Entry, firstAt } from './decode.js';

/** Bytes of the newest records that stay in memory for all readers of the partition. */
const tailBytes = 1024 * 1024;
/** Bytes that the foremost reader has not read yet, from which on no more is asked for. */
const fullBytes = 256 * 1024;

/**
 * The newest records of one partition, shared by its readers in this process: once a reader has come to the end, the poll
 * keeps asking for what comes next. A reader that is further behind fetches for itself.
 */
export class Feed {
  readonly topic: string;
  readonly partition: number;
  /** What the poll asks for next; null until a reader has come to the end. */
  next: Position | null = null;
  /** When a reader last waited here. */
  waitedAt: MachineMs = 0;
  private entries: Entry[] = [];
  private bytes = 0;
  /** Every record from here to `next` is in `entries`. */
  private from: Position = 0;
  /** The foremost reader's place. */
  private readTo: Position = 0;
  private readonly waiting = new Set<() => void>();

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  hasWaiting(): boolean {
    return this.waiting.size > 0;
  }

  isFull(): boolean {
    let unread = 0;
    for (let index = firstAt(this.entries, this.readTo); index < this.entries.length; index++) {
      unread += this.entries[index]?.bytes ?? 0;
      if (unread >= fullBytes) return true;
    }
    return false;
  }

  /** What is here from the position on; null where the reader has to fetch. */
  read(from: Position, limits: ReadLimits): StoredRecord[] | null {
    if (this.next === null || from < this.from) return null;
    return cut(this.entries, from, limits);
  }

  /** A reader has found the end of the partition there. */
  begin(end: Position): void {
    if (this.next !== null) return;
    this.next = end;
    this.from = end;
    this.readTo = end;
  }

  /** Nobody reads here any more: the next reader begins anew. */
  forget(): void {
    this.next = null;
    this.entries = [];
    this.bytes = 0;
  }

  /** Takes what was fetched from `next` on. */
  take({ entries, next }: Chunk): void {
    if (this.next === null || next <= this.next) return;
    for (const entry of entries) {
      if (entry.record.position < this.next) continue;
      this.entries.push(entry);
      this.bytes += entry.bytes;
    }
    this.next = next;
    this.shorten();
    this.wake();
  }

  /** Nothing is kept between here and there: what the poll asks for has expired. */
  skipTo(position: Position): void {
    this.entries = [];
    this.bytes = 0;
    this.from = position;
    this.next = position;
    this.wake();
  }

  readerAt(position: Position): void {
    this.readTo = Math.max(this.readTo, position);
  }

  /** Resolves when a record at or above the position may be there, or at the next `wake` or abort. */
  reached(position: Position, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted || this.next === null || this.next > position) return resolve();
      const resume = () => {
        this.waiting.delete(resume);
        forget();
        resolve();
      };
      const forget = onAbort(signal, resume);
      this.waiting.add(resume);
    });
  }

  wake(): void {
    for (const resume of [...this.waiting]) resume();
  }

  private shorten(): void {
    if (this.bytes <= tailBytes) return;
    let count = 0;
    for (const entry of this.entries) {
      if (this.bytes <= tailBytes / 2) break;
      this.bytes -= entry.bytes;
      this.from = entry.record.position + 1;
      count += 1;
    }
    this.entries.splice(0, count);
  }
}
