import { RelearnError } from '@relearn/kernel';
import { checkLimits } from '../core/batch.js';
import type { PartitionReader, Position, ReadLimits, StoredRecord } from '../port.js';
import { unavailable } from './errors.js';
import type { Feed } from './feed.js';
import type { Partition } from './topics.js';

/** What a member of a group adds to a reader. */
export interface Holder {
  /** Waits while it is in doubt whether the partition is still this member's. */
  sure(signal: AbortSignal): Promise<void>;
  commit(topic: string, position: Position): Promise<void>;
}

/** Reads a partition until it is revoked (FENCED) or the bus closes (UNAVAILABLE). */
export class NatsReader implements PartitionReader {
  readonly topic: string;
  readonly partition: number;
  position: Position;
  private readonly feed: Feed;
  private readonly isClosed: () => boolean;
  private readonly holder: Holder | null;
  private revoked = false;

  constructor(place: Partition, from: Position, feed: Feed, isClosed: () => boolean, holder: Holder | null = null) {
    this.topic = place.topic;
    this.partition = place.partition;
    this.position = from;
    this.feed = feed;
    this.isClosed = isClosed;
    this.holder = holder;
  }

  seek(position: Position): void {
    this.position = position;
  }

  async next(limits: ReadLimits, signal: AbortSignal): Promise<StoredRecord[]> {
    checkLimits(limits);
    while (!signal.aborted) {
      await this.holder?.sure(signal);
      this.check();
      if (signal.aborted) break;
      const records = this.feed.take(this.position, limits);
      const last = records.at(-1);
      if (last !== undefined) {
        this.position = last.position + 1;
        return records;
      }
      await this.feed.arrival(signal);
    }
    return [];
  }

  async commit(position: Position): Promise<void> {
    this.check();
    await this.holder?.commit(this.topic, position);
  }

  /** The partition belongs to somebody else from now on. */
  revoke(): void {
    this.revoked = true;
    this.feed.wake();
    this.feed.release();
  }

  private check(): void {
    if (this.isClosed()) throw unavailable('the bus is closed');
    if (this.revoked) {
      throw new RelearnError('FENCED', `${this.topic}/${this.partition} was given to another member of the group`);
    }
  }
}
