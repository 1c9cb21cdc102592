import { type Kernel, RelearnError } from '@relearn/kernel';
import type {
  Bus,
  BusFeatures,
  OutgoingRecord,
  PartitionBounds,
  PartitionReader,
  Position,
  ReadLimits,
  StoredRecord,
  SubscribeOptions,
  Subscription,
  TopicSpec,
} from '../port.js';
import { Group } from './group.js';
import type { CommittedPosition, LogContents, LogStorage } from './log.js';
import { LogReader } from './reader.js';
import { encodeHead, recordBytes, refuseTooLarge } from './records.js';
import { Retention } from './retention.js';
import { Topics } from './topics.js';

export interface LogBusOptions {
  readonly features: BusFeatures;
  readonly storage: LogStorage;
  readonly contents: LogContents;
  /** Bytes of each partition's newest records that are kept in memory beside the storage; 0 for none. */
  readonly tailBytes: number;
  readonly kernel: Kernel;
  /** Told of rounds of retention that failed; the next round tries again. */
  readonly onBackgroundError?: (error: RelearnError) => void;
}

/** Bytes of records that wait for storage at once; above it `publish` answers RESOURCE_EXHAUSTED. */
const mostBytesInFlight = 256 * 1024 * 1024;

/** A bus over a log that belongs to this process alone: every append passes here, so readers are woken and never poll. */
export class LogBus implements Bus {
  readonly features: BusFeatures;
  private readonly storage: LogStorage;
  private readonly kernel: Kernel;
  private readonly topics: Topics;
  private readonly groups = new Map<string, Group>();
  private readonly committed: readonly CommittedPosition[];
  private readonly retention: Retention;
  private bytesInFlight = 0;
  private closing: Promise<void> | undefined;
  private closed = false;

  constructor({ features, storage, contents, tailBytes, kernel, onBackgroundError }: LogBusOptions) {
    this.features = features;
    this.storage = storage;
    this.kernel = kernel;
    this.committed = contents.committed;
    this.topics = new Topics(storage, contents, tailBytes);
    this.retention = new Retention(
      kernel.clock,
      () => this.topics.all(),
      (thrown) => onBackgroundError?.(RelearnError.from(thrown)),
    );
    this.retention.start();
  }

  async ensureTopics(specs: readonly TopicSpec[]): Promise<void> {
    this.checkOpen();
    await this.topics.ensure(specs);
  }

  async publish(records: readonly OutgoingRecord[]): Promise<Position[]> {
    this.checkOpen();
    if (records.length === 0) return [];
    const { placed, bytes } = this.place(records);
    this.bytesInFlight += bytes;
    try {
      await this.storage.append(placed.map(({ entry }) => entry));
    } finally {
      this.bytesInFlight -= bytes;
    }
    for (const { log, entry } of placed) log.written(entry);
    for (const log of new Set(placed.map(({ log }) => log))) log.wake();
    return placed.map(({ entry }) => entry.position);
  }

  async read(topic: string, partition: number, from: Position, limits: ReadLimits): Promise<StoredRecord[]> {
    this.checkOpen();
    return this.topics.log(topic, partition).read(from, limits);
  }

  async bounds(topic: string): Promise<PartitionBounds[]> {
    this.checkOpen();
    return this.topics.get(topic).logs.map((log) => log.bounds());
  }

  async positionAt(topic: string, partition: number, wallMs: number): Promise<Position> {
    this.checkOpen();
    return this.topics.log(topic, partition).positionAt(wallMs);
  }

  follow(topic: string, partition: number, from: Position): PartitionReader {
    this.checkOpen();
    return new LogReader(this.topics.log(topic, partition), from, () => this.closed);
  }

  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    if (this.closing !== undefined) throw new RelearnError('UNAVAILABLE', 'the bus is closing');
    const topics = options.topics.map((name) => this.topics.get(name));
    const [first] = topics;
    if (first === undefined) throw new RelearnError('INVALID_INPUT', `group ${options.group} names no topic`);
    const other = topics.find((topic) => topic.partitions !== first.partitions);
    if (other !== undefined) {
      throw new RelearnError(
        'REFUSED',
        `group ${options.group}: ${other.name} has ${other.partitions} partitions, ${first.name} ${first.partitions}`,
        { remedy: 'Topics that are read together need equal partition counts.' },
      );
    }
    const logs = first.logs.map((_, partition) => topics.flatMap((topic) => topic.logs[partition] ?? []));
    return this.group(options.group).join(options, logs);
  }

  /**
   * Drains the subscriptions, which may publish and commit until then, and ends all waiting. The storage below is closed by
   * whoever opened it. A drain that failed is told when everything is closed.
   */
  close(): Promise<void> {
    this.closing ??= this.drain();
    return this.closing;
  }

  private async drain(): Promise<void> {
    const groups = [...this.groups.values()].map((group) => group.close());
    const outcomes = await Promise.allSettled([this.retention.stop(), ...groups]);
    this.closed = true;
    for (const topic of this.topics.all()) for (const log of topic.logs) log.wake();
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw RelearnError.from(failed.reason);
  }

  /** Gives each record its place and copies its bytes; all are checked before the first position is taken. */
  private place(records: readonly OutgoingRecord[]) {
    const wall = Math.floor(this.kernel.clock.wall());
    let bytes = 0;
    const checked = records.map((record) => {
      const log = this.topics.log(record.topic, record.partition);
      const head = encodeHead(record);
      const size = recordBytes(head, record.value);
      refuseTooLarge(record, size);
      bytes += size;
      return { log, head, value: record.value };
    });
    if (this.bytesInFlight > 0 && this.bytesInFlight + bytes > mostBytesInFlight) {
      throw new RelearnError('RESOURCE_EXHAUSTED', `${this.bytesInFlight} bytes wait for the log's storage`);
    }
    const placed = checked.map(({ log, head, value }) => ({
      log,
      entry: log.place(head, new Uint8Array(value), wall),
    }));
    return { placed, bytes };
  }

  private group(name: string): Group {
    const known = this.groups.get(name);
    if (known !== undefined) return known;
    const committed = this.committed.filter((entry) => entry.group === name);
    const group = new Group(name, this.storage, committed, () => this.closed);
    this.groups.set(name, group);
    return group;
  }

  private checkOpen(): void {
    if (this.closed) throw new RelearnError('UNAVAILABLE', 'the bus is closed');
  }
}
