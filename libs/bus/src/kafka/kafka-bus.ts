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
import { checkLimits } from '../core/batch.js';
import { Coordinator } from './coordinator.js';
import { cut } from './decode.js';
import { Fetcher } from './fetcher.js';
import { GroupMember } from './group-member.js';
import { groupDefaults, type KafkaGroupSettings, type KafkaOptions } from './options.js';
import { Producer } from './producer.js';
import { KafkaReader } from './reader.js';
import { checkPartition, Topics } from './topics.js';
import { Trouble } from '../core/trouble.js';
import { Wire } from './wire.js';

const nothing = () => Promise.resolve();

/** The bus port on Kafka: positions are offsets, groups are Kafka's. */
export class KafkaBus implements Bus {
  readonly features: BusFeatures;
  private readonly kernel: Kernel;
  private readonly trouble: Trouble;
  private readonly wire: Wire;
  private readonly topics: Topics;
  private readonly producer: Producer;
  private readonly fetcher: Fetcher;
  private readonly groups: KafkaGroupSettings;
  private readonly members = new Set<GroupMember>();
  private closing: Promise<void> | undefined;
  private closed = false;

  constructor(options: KafkaOptions, features: BusFeatures, kernel: Kernel, tell: (error: RelearnError) => void) {
    this.features = features;
    this.kernel = kernel;
    this.groups = { ...groupDefaults, ...options.groups };
    this.trouble = new Trouble(kernel.clock, tell);
    this.wire = new Wire(options, kernel, this.trouble);
    this.topics = new Topics(this.wire, kernel, options);
    this.producer = new Producer(this.wire, this.topics, kernel);
    this.fetcher = new Fetcher(this.wire, this.topics, kernel, this.trouble);
  }

  /** Throws UNAVAILABLE when no broker answers, INVALID_CONFIG when they refuse the login. */
  async connect(): Promise<void> {
    await this.wire.askAny('connect', (broker) => broker.apiVersions());
  }

  async ensureTopics(specs: readonly TopicSpec[]): Promise<void> {
    this.checkOpen();
    await this.topics.ensure(specs);
  }

  async publish(records: readonly OutgoingRecord[]): Promise<Position[]> {
    this.checkOpen();
    if (records.length === 0) return [];
    for (const { topic, partition } of records) {
      // Nobody waits here for a topic that is known: calls one after another keep their order.
      checkPartition(this.topics.cached(topic) ?? (await this.topics.get(topic)), partition);
    }
    return this.producer.publish(records);
  }

  async read(topic: string, partition: number, from: Position, limits: ReadLimits): Promise<StoredRecord[]> {
    this.checkOpen();
    checkLimits(limits);
    await this.topics.check(topic, partition);
    return cut((await this.fetcher.fetch(topic, partition, from)).entries, from, limits);
  }

  async bounds(topic: string): Promise<PartitionBounds[]> {
    this.checkOpen();
    return this.fetcher.bounds(topic);
  }

  async positionAt(topic: string, partition: number, wallMs: number): Promise<Position> {
    this.checkOpen();
    await this.topics.check(topic, partition);
    return this.fetcher.positionAt(topic, partition, wallMs);
  }

  follow(topic: string, partition: number, from: Position): PartitionReader {
    this.checkOpen();
    const known = this.topics.cached(topic);
    if (known !== undefined) checkPartition(known, partition);
    return this.reader(topic, partition, from, () => undefined, nothing);
  }

  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    if (this.closing !== undefined) throw new RelearnError('UNAVAILABLE', 'the bus is closing');
    const topics = await Promise.all(options.topics.map((name) => this.topics.get(name)));
    const [first] = topics;
    if (first === undefined) throw new RelearnError('INVALID_INPUT', `group ${options.group} names no topic`);
    const other = topics.find((topic) => topic.partitions !== first.partitions);
    if (other !== undefined) throw unequal(options.group, first, other);
    const { wire, kernel, trouble, groups } = this;
    const parts = { wire, topics: this.topics, kernel };
    const member = new GroupMember(options, {
      coordinator: new Coordinator(options.group, options.topics, first.partitions, { ...parts, settings: groups }),
      settings: groups,
      kernel,
      trouble,
      openReader: (...given) => this.reader(...given),
      here: (signal) => wire.here(signal),
    });
    this.members.add(member);
    try {
      await member.start();
    } catch (thrown) {
      this.members.delete(member);
      throw thrown;
    }
    return {
      close: async () => {
        try {
          await member.close();
        } finally {
          this.members.delete(member);
        }
      },
    };
  }

  health(): RelearnError | null {
    return this.closed ? closedError() : this.trouble.get();
  }

  close(): Promise<void> {
    this.closing ??= this.drain();
    return this.closing;
  }

  private async drain(): Promise<void> {
    const outcomes = await Promise.allSettled([...this.members].map((member) => member.close()));
    this.closed = true;
    this.fetcher.stop();
    await this.wire.close();
    await this.fetcher.stopped();
    this.trouble.stop();
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw RelearnError.from(failed.reason);
  }

  private reader(
    topic: string,
    partition: number,
    from: Position,
    check: () => void,
    save: (position: Position) => Promise<void>,
  ): KafkaReader {
    const checkAll = () => {
      this.checkOpen();
      check();
    };
    return new KafkaReader(topic, partition, from, {
      fetcher: this.fetcher,
      topics: this.topics,
      check: checkAll,
      save,
    });
  }

  private checkOpen(): void {
    if (this.closed) throw closedError();
  }
}

function closedError(): RelearnError {
  return new RelearnError('UNAVAILABLE', 'the bus is closed');
}

interface NamedPartitions {
  readonly name: string;
  readonly partitions: number;
}

function unequal(group: string, first: NamedPartitions, other: NamedPartitions): RelearnError {
  return new RelearnError(
    'REFUSED',
    `group ${group}: ${other.name} has ${other.partitions} partitions, ${first.name} ${first.partitions}`,
    { remedy: 'Topics that are read together need equal partition counts.' },
  );
}
