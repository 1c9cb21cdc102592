import { Bag } from '@relearn/kernel';
import type { PartitionBounds, Position, ReadLimits, StoredRecord } from '../port.js';
import { onAbort } from './aborts.js';
import { checkLimits } from './batch.js';
import type { LogEntry, LogStorage, Shard, ShardState } from './log.js';
import { decodeRecord } from './records.js';
import { Tail } from './tail.js';

/** How removal goes on: so many records at once, then a rest. */
export interface RemovalStep {
  readonly records: number;
  readonly signal: AbortSignal;
  rest(): Promise<void>;
}

/** One partition: gives out positions, knows what is durable, and wakes those who wait for it. */
export class PartitionLog {
  readonly topic: string;
  readonly partition: number;
  readonly shard: Shard;
  private readonly storage: LogStorage;
  private first: Position;
  /** Everything below is durable or a gap. */
  private end: Position;
  /** The position that the next record gets. */
  private next: Position;
  private lastAppendedAt: number;
  private readonly tail: Tail;
  private readonly waiting = new Bag<() => void>();

  constructor(topic: string, partition: number, state: ShardState, storage: LogStorage, tailBytes: number) {
    this.topic = topic;
    this.partition = partition;
    this.shard = state.shard;
    this.storage = storage;
    this.first = state.first;
    this.end = state.end;
    this.next = state.end;
    this.lastAppendedAt = state.lastAppendedAt;
    this.tail = new Tail(state.end, tailBytes);
  }

  /** Times never go back within a partition, even if the wall clock does. */
  place(head: string, value: Uint8Array, wallMs: number): LogEntry {
    this.lastAppendedAt = Math.max(this.lastAppendedAt, wallMs);
    return { shard: this.shard, position: this.next++, appendedAt: this.lastAppendedAt, head, value };
  }

  /** The entry, and so all below it, are durable. `wake` tells the readers. */
  written(entry: LogEntry): void {
    this.end = entry.position + 1;
    this.tail.add(entry);
  }

  wake(): void {
    for (const { value: resume } of this.waiting.all) resume();
  }

  bounds(): PartitionBounds {
    return { first: this.first, end: this.end };
  }

  async read(from: Position, limits: ReadLimits): Promise<StoredRecord[]> {
    checkLimits(limits);
    const start = Math.max(from, this.first);
    if (start >= this.end) return [];
    const entries = this.tail.read(start, limits) ?? (await this.storage.read(this.shard, start, limits));
    return entries.map((entry) => decodeRecord(this.topic, this.partition, entry));
  }

  async positionAt(wallMs: number): Promise<Position> {
    const found = await this.storage.positionAt(this.shard, this.first, wallMs);
    return found ?? this.end;
  }

  /** Resolves when a record at or above the position may be there, or at the next `wake` or abort. */
  reached(position: Position, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (this.end > position || signal.aborted) return resolve();
      const resume = () => {
        this.waiting.delete(entry);
        forget();
        resolve();
      };
      const forget = onAbort(signal, resume);
      const entry = this.waiting.add(resume);
    });
  }

  /** Drops what was appended before the wall time: at once for readers, then from storage a step at a time. */
  async expire(beforeWallMs: number, step: RemovalStep): Promise<void> {
    const first = await this.positionAt(beforeWallMs);
    if (first > this.first) {
      await this.storage.advance({ shard: this.shard, first, end: this.end, lastAppendedAt: this.lastAppendedAt });
      this.first = first;
    }
    // Also what an earlier round, or a process that died, has left below the first position.
    while (!step.signal.aborted && (await this.storage.remove(this.shard, this.first, step.records)) > 0)
      await step.rest();
  }
}
