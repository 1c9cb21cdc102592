import { onAbort } from '../core/aborts.js';
import { checkLimits } from '../core/batch.js';
import type { PartitionReader, Position, ReadLimits, StoredRecord } from '../port.js';
import { cut, type Entry } from './decode.js';
import { kafkaError } from './errors.js';
import type { Feed } from './feed.js';
import type { Fetcher } from './fetcher.js';
import type { Topics } from './topics.js';

export interface ReaderParts {
  readonly fetcher: Fetcher;
  readonly topics: Topics;
  /** Throws when the reader may not go on: the bus is closed, or the partition is somebody else's. */
  readonly check: () => void;
  readonly save: (position: Position) => Promise<void>;
}

/** Reads a partition: from what the process has of its newest records, else with fetches of its own. */
export class KafkaReader implements PartitionReader {
  readonly topic: string;
  readonly partition: number;
  position: Position;
  private readonly parts: ReaderParts;
  private readonly feed: Feed;
  /** What the last fetch has brought beyond the limits of its batch. */
  private fetched: readonly Entry[] = [];

  constructor(topic: string, partition: number, from: Position, parts: ReaderParts) {
    this.topic = topic;
    this.partition = partition;
    this.position = from;
    this.parts = parts;
    this.feed = parts.fetcher.feed(topic, partition);
  }

  seek(position: Position): void {
    this.position = position;
  }

  async next(limits: ReadLimits, signal: AbortSignal): Promise<StoredRecord[]> {
    checkLimits(limits);
    const { check, fetcher } = this.parts;
    while (!signal.aborted) {
      check();
      const from = this.position;
      const records = await this.tryRead(from, limits, signal);
      check();
      // A seek during the read wins over it: what was read is not what is asked for any more.
      if (records === null || signal.aborted || this.position !== from) continue;
      const last = records.at(-1);
      this.position = last === undefined ? from : last.position + 1;
      this.feed.readerAt(this.position);
      if (records.length > 0) return records;
      const waiting = this.feed.reached(from, signal);
      fetcher.wanted(this.feed);
      await waiting;
    }
    return [];
  }

  async commit(position: Position): Promise<void> {
    this.parts.check();
    await this.parts.save(position);
  }

  /** The reader's `check` has changed its mind. */
  wake(): void {
    this.feed.wake();
  }

  /** Null when it was aborted, or when it failed and is to be tried again: while the brokers are away a reader waits. */
  private async tryRead(from: Position, limits: ReadLimits, signal: AbortSignal): Promise<StoredRecord[] | null> {
    const { fetcher, check } = this.parts;
    try {
      return await unlessAborted(this.read(from, limits), signal);
    } catch (thrown) {
      const error = kafkaError(thrown, `read ${this.topic}/${this.partition}`);
      check();
      if (!error.retryable) throw error;
      await fetcher.rest(error, signal);
      return null;
    }
  }

  private async read(from: Position, limits: ReadLimits): Promise<StoredRecord[]> {
    const known = this.feed.read(from, limits);
    if (known !== null) {
      this.fetched = [];
      return known;
    }
    const first = this.fetched[0]?.record.position;
    const left = first !== undefined && first <= from ? cut(this.fetched, from, limits) : [];
    if (left.length > 0) return left;
    await this.parts.topics.check(this.topic, this.partition);
    const chunk = await this.parts.fetcher.fetch(this.topic, this.partition, from);
    this.fetched = chunk.entries;
    if (chunk.entries.length > 0) return cut(chunk.entries, from, limits);
    this.feed.begin(chunk.end);
    // What lies between holds no record, or none any more.
    if (chunk.next > from && this.position === from) this.position = chunk.next;
    return [];
  }
}

/** Null as soon as the signal aborts; what the work answers later is left. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | null> {
  let forget: () => void = () => undefined;
  const aborted = new Promise<null>((resolve) => {
    forget = onAbort(signal, () => resolve(null));
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    forget();
  }
}
