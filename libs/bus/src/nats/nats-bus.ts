import { createInbox } from 'nats';
import { type Kernel, RelearnError, type Timer } from '@relearn/kernel';
import type { Store } from '@relearn/store';
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
import { checkLimits } from '../core/batch.js';
import { encodeRecord } from './codec.js';
import type { Connection } from './connection.js';
import { unavailable } from './errors.js';
import { Feed } from './feed.js';
import { Member } from './group/member.js';
import { groupSubject } from './names.js';
import { Publisher } from './publisher.js';
import { type Holder, NatsReader } from './reader.js';
import { StreamLog } from './stream-log.js';
import type { Partition, Topic, Topics } from './topics.js';

export interface NatsBusParts {
  readonly features: BusFeatures;
  readonly connection: Connection;
  readonly topics: Topics;
  readonly store: Store;
  readonly kernel: Kernel;
  readonly prefix: string;
  readonly beatMs: number;
  readonly leaseMs: number;
}

const lookMs = 15_000;

/** A bus on JetStream: a stream a partition, ordered consumers for reading, groups by leases in the store. */
export class NatsBus implements Bus {
  readonly features: BusFeatures;
  private readonly parts: NatsBusParts;
  private readonly publisher: Publisher;
  private readonly log: StreamLog;
  private readonly feeds = new Set<Feed>();
  private readonly members = new Set<Member>();
  private readonly closing = new AbortController();
  private looking: Timer | undefined;
  private closed: Promise<void> | undefined;

  constructor(parts: NatsBusParts) {
    this.parts = parts;
    const { connection, features } = parts;
    this.features = features;
    this.publisher = new Publisher(connection, createInbox());
    this.log = new StreamLog(connection);
    connection.whenLost(() => {
      for (const feed of [...this.feeds]) feed.lost();
    });
    this.look();
  }

  async ensureTopics(specs: readonly TopicSpec[]): Promise<void> {
    await this.parts.topics.ensure(specs);
  }

  async publish(records: readonly OutgoingRecord[]): Promise<Position[]> {
    const { topics, connection } = this.parts;
    connection.checkConnected();
    // Not to wait keeps the order of calls that nobody waits for.
    if (records.some(({ topic }) => !topics.has(topic))) await topics.load();
    return this.publisher.publish(
      records.map((record) => [topics.partition(record.topic, record.partition).subject, encodeRecord(record)]),
    );
  }

  async read(topic: string, partition: number, from: Position, limits: ReadLimits): Promise<StoredRecord[]> {
    checkLimits(limits);
    return this.log.read(await this.parts.topics.findPartition(topic, partition), from, limits);
  }

  async bounds(topic: string): Promise<PartitionBounds[]> {
    const { streams } = await this.parts.topics.find(topic);
    return Promise.all(streams.map((place) => this.log.bounds(place)));
  }

  async positionAt(topic: string, partition: number, wallMs: number): Promise<Position> {
    return this.log.positionAt(await this.parts.topics.findPartition(topic, partition), wallMs);
  }

  follow(topic: string, partition: number, from: Position): PartitionReader {
    if (this.parts.connection.isClosed) throw unavailable('the bus is closed');
    return this.reader(this.parts.topics.partition(topic, partition), from, null);
  }

  async subscribe(subscription: SubscribeOptions): Promise<Subscription> {
    const topics = await this.topicsOf(subscription);
    const { store, kernel, prefix, connection, beatMs, leaseMs } = this.parts;
    const part = `group ${subscription.group}`;
    const subject = groupSubject(prefix, subscription.group);
    const id = kernel.chance.id();
    const member = new Member({
      kernel,
      store,
      document: `${prefix}/${subscription.group}`,
      id,
      subscription,
      partitions: topics[0]?.partitions ?? 0,
      beatMs,
      leaseMs,
      closed: this.closing.signal,
      open: (partition, from, holder) =>
        topics.flatMap(({ name, streams }) => {
          const place = streams[partition];
          return place === undefined ? [] : [this.reader(place, from(name), holder)];
        }),
      tell: () => {
        if (connection.isConnected) connection.nc.publish(subject, id);
      },
      onStore: (error) => {
        if (error === null) connection.trouble.clear(part);
        else connection.trouble.report(part, error);
      },
    });
    this.members.add(member);
    const listening = connection.nc.subscribe(subject, {
      callback: (_, message) => {
        if (message.string() !== id) member.poke();
      },
    });
    const leave = async () => {
      try {
        await member.close();
      } finally {
        this.members.delete(member);
        if (!listening.isClosed()) listening.unsubscribe();
      }
    };
    try {
      await member.join();
    } catch (thrown) {
      this.members.delete(member);
      listening.unsubscribe();
      throw thrown;
    }
    let leaving: Promise<void> | undefined;
    return { close: () => (leaving ??= leave()) };
  }

  health(): RelearnError | null {
    return this.parts.connection.trouble.get();
  }

  close(): Promise<void> {
    this.closed ??= this.drain();
    return this.closed;
  }

  private async drain(): Promise<void> {
    this.closing.abort();
    const outcomes = await Promise.allSettled([...this.members].map((member) => member.close()));
    this.looking?.cancel();
    for (const feed of [...this.feeds]) feed.release();
    await this.parts.connection.close();
    for (const feed of [...this.feeds]) feed.wake();
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw RelearnError.from(failed.reason);
  }

  private reader(place: Partition, from: Position, holder: Holder | null): NatsReader {
    const { connection } = this.parts;
    const feed = new Feed(connection, place, from, this.feeds);
    return new NatsReader(place, from, feed, () => connection.isClosed, holder);
  }

  private async topicsOf({ group, topics: names }: SubscribeOptions): Promise<Topic[]> {
    if (this.closing.signal.aborted) throw unavailable('the bus is closing');
    const topics = await Promise.all(names.map((name) => this.parts.topics.find(name)));
    const [first] = topics;
    if (first === undefined) throw new RelearnError('INVALID_INPUT', `group ${group} names no topic`);
    const other = topics.find(({ partitions }) => partitions !== first.partitions);
    if (other === undefined) return topics;
    throw new RelearnError(
      'REFUSED',
      `group ${group}: ${other.name} has ${other.partitions} partitions, ${first.name} ${first.partitions}`,
      { remedy: 'Topics that are read together need equal partition counts.' },
    );
  }

  /** Looks after the feeds that hold something of the server's. */
  private look(): void {
    this.looking = this.parts.kernel.clock.after(lookMs, () => {
      for (const feed of [...this.feeds]) feed.look();
      this.look();
    });
  }
}
