import { RelearnError } from '@relearn/kernel';
import type { PartitionReader, Position, ReadLimits, StoredRecord } from '../port.js';
import type { PartitionLog } from './partition-log.js';

/** Reads a partition until it is revoked (FENCED) or the bus closes (UNAVAILABLE). */
export class LogReader implements PartitionReader {
  readonly topic: string;
  readonly partition: number;
  private readonly log: PartitionLog;
  private readonly save: (position: Position) => Promise<void>;
  private readonly isClosed: () => boolean;
  position: Position;
  private revoked = false;

  constructor(
    log: PartitionLog,
    from: Position,
    isClosed: () => boolean,
    save: (position: Position) => Promise<void> = () => Promise.resolve(),
  ) {
    this.topic = log.topic;
    this.partition = log.partition;
    this.log = log;
    this.position = from;
    this.isClosed = isClosed;
    this.save = save;
  }

  seek(position: Position): void {
    this.position = position;
  }

  async next(limits: ReadLimits, signal: AbortSignal): Promise<StoredRecord[]> {
    while (!signal.aborted) {
      this.check();
      const from = this.position;
      const records = await this.log.read(from, limits);
      const last = records.at(-1);
      if (last !== undefined) {
        // A seek during the read wins over it: what was read is not what is asked for any more.
        if (this.position !== from) continue;
        this.position = last.position + 1;
        return records;
      }
      await this.log.reached(Math.max(from, this.log.bounds().first), signal);
    }
    return [];
  }

  async commit(position: Position): Promise<void> {
    this.check();
    await this.save(position);
  }

  /** The partition belongs to somebody else from now on. */
  revoke(): void {
    this.revoked = true;
    this.log.wake();
  }

  private check(): void {
    if (this.isClosed()) throw new RelearnError('UNAVAILABLE', 'the bus is closed');
    if (this.revoked) {
      throw new RelearnError('FENCED', `${this.topic}/${this.partition} was given to another member of the group`);
    }
  }
}
