import { type Kernel, RelearnError } from '@relearn/kernel';
import { checkTopic } from '../core/records.js';
import { otherPartitions } from '../core/topics.js';
import type { TopicSpec } from '../port.js';
import { hasMoved, kafkaError, protocolType } from './errors.js';
import type { KafkaTopicSettings } from './options.js';
import type { NodeId, Wire } from './wire.js';

export interface Topic {
  readonly name: string;
  readonly partitions: number;
}

/** The greatest batch of a topic, as brokers count it: Kafka's own default. */
export const greatestBatchBytes = 1_048_588;

const topicResource = 2;
const ownConfiguration = 1;
const createMs = 10_000;
const visibleMs = 30_000;
/** How soon a leader is asked for again when the last answer was that it has moved. */
const refreshMs = 100;

/** The bus's topics in the cluster: names with the prefix, partitions, and who leads them. */
export class Topics {
  private readonly wire: Wire;
  private readonly kernel: Kernel;
  private readonly settings: KafkaTopicSettings;
  private readonly known = new Map<string, Topic>();
  private readonly leaders = new Map<string, readonly NodeId[]>();
  private readonly loading = new Map<string, Promise<Topic | null>>();

  constructor(wire: Wire, kernel: Kernel, settings: KafkaTopicSettings) {
    this.wire = wire;
    this.kernel = kernel;
    this.settings = settings;
  }

  nameInCluster(topic: string): string {
    return `${this.settings.prefix}${topic}`;
  }

  nameInBus(nameInCluster: string): string {
    return nameInCluster.slice(this.settings.prefix.length);
  }

  /** What is known of the topic without asking. */
  cached(topic: string): Topic | undefined {
    return this.known.get(topic);
  }

  async get(topic: string): Promise<Topic> {
    const found = this.known.get(topic) ?? (await this.load(topic));
    if (found === null) throw new RelearnError('NOT_FOUND', `no topic ${topic}`);
    return found;
  }

  /** Throws NOT_FOUND also for a partition that the topic does not have. */
  async check(topic: string, partition: number): Promise<void> {
    checkPartition(await this.get(topic), partition);
  }

  /** The node that leads the partition. UNAVAILABLE while there is none. */
  async leader(topic: string, partition: number): Promise<NodeId> {
    await this.check(topic, partition);
    if (!this.leaders.has(topic)) await this.load(topic);
    const leader = this.leaders.get(topic)?.[partition];
    if (leader === undefined || leader < 0) {
      this.leaders.delete(topic);
      throw new RelearnError('UNAVAILABLE', `Kafka: ${topic}/${partition} has no leader at present`);
    }
    return leader;
  }

  /** Whom to ask next time is to be found out again. */
  forgetLeaders(topic: string): void {
    this.leaders.delete(topic);
  }

  async ensure(specs: readonly TopicSpec[]): Promise<void> {
    for (const spec of specs) {
      checkTopic({ ...spec, name: this.nameInCluster(spec.name) });
      const found = this.known.get(spec.name) ?? (await this.load(spec.name)) ?? (await this.create(spec));
      if (found.partitions !== spec.partitions) throw otherPartitions({ ...spec, ...found }, spec);
    }
    await this.configure(specs);
  }

  private load(topic: string): Promise<Topic | null> {
    const running = this.loading.get(topic);
    if (running !== undefined) return running;
    const started = this.ask(topic).finally(() => this.loading.delete(topic));
    this.loading.set(topic, started);
    return started;
  }

  private async ask(topic: string): Promise<Topic | null> {
    const name = this.nameInCluster(topic);
    try {
      const { brokers, topicMetadata } = await this.wire.askAny(`describe ${name}`, (broker) =>
        broker.metadata([name]),
      );
      for (const { nodeId, host, port } of brokers) this.wire.learn(nodeId, { host, port });
      const [found] = topicMetadata;
      if (found === undefined || found.partitionMetadata.length === 0) return null;
      const leaders: NodeId[] = [];
      for (const { partitionId, leader } of found.partitionMetadata) leaders[partitionId] = leader;
      const made = { name: topic, partitions: leaders.length };
      this.known.set(topic, made);
      this.leaders.set(topic, leaders);
      return made;
    } catch (thrown) {
      if (protocolType(thrown) === 'UNKNOWN_TOPIC_OR_PARTITION') return null;
      throw kafkaError(thrown, `describe ${name}`);
    }
  }

  private async create(spec: TopicSpec): Promise<Topic> {
    const topic = this.nameInCluster(spec.name);
    const configEntries = Object.entries(this.configOf(spec)).map(([name, value]) => ({ name, value }));
    const { replication } = this.settings;
    const request = { topic, numPartitions: spec.partitions, replicationFactor: replication, configEntries };
    try {
      await this.wire.askAny(`create ${topic}`, (broker) =>
        broker.createTopics({ topics: [request], timeout: createMs }),
      );
    } catch (thrown) {
      // Another instance was first: then its number of partitions is what counts.
      if (protocolType(thrown) !== 'TOPIC_ALREADY_EXISTS') throw thrown;
    }
    return this.appeared(spec.name);
  }

  /** Waits until every partition of a new topic has a leader, as the brokers learn it one after another. */
  private async appeared(topic: string): Promise<Topic> {
    const { clock } = this.kernel;
    for (const until = clock.now() + visibleMs; ; await clock.sleep(refreshMs)) {
      try {
        const found = await this.load(topic);
        if (found !== null && this.leaders.get(topic)?.every((leader) => leader >= 0)) return found;
      } catch (thrown) {
        if (!hasMoved(thrown)) throw thrown;
      }
      if (clock.now() > until)
        throw new RelearnError('UNAVAILABLE', `Kafka: ${topic} was created and has no leaders yet`);
    }
  }

  private configOf({ retentionMs }: TopicSpec): Readonly<Record<string, string>> {
    const { minInSyncReplicas, flush } = this.settings;
    return {
      'cleanup.policy': 'delete',
      'retention.ms': retentionMs === null ? '-1' : `${Math.ceil(retentionMs)}`,
      'retention.bytes': '-1',
      'message.timestamp.type': 'LogAppendTime',
      'max.message.bytes': `${greatestBatchBytes}`,
      'min.insync.replicas': `${minInSyncReplicas}`,
      ...(flush && { 'flush.messages': '1' }),
    };
  }

  /** Sets what differs from ours; what operators have set beside stays, since the request replaces all. */
  private async configure(specs: readonly TopicSpec[]): Promise<void> {
    const wanted = new Map(specs.map((spec) => [this.nameInCluster(spec.name), this.configOf(spec)]));
    const resources = [...wanted.keys()].map((name) => ({ type: topicResource, name }));
    if (resources.length === 0) return;
    const described = await this.wire.askAny('describe settings', (broker) => broker.describeConfigs({ resources }));
    const changed = described.resources.flatMap(({ resourceName, configEntries }) => {
      const ours = wanted.get(resourceName) ?? {};
      const values = new Map(configEntries.map(({ configName, configValue }) => [configName, configValue]));
      if (Object.entries(ours).every(([name, value]) => values.get(name) === value)) return [];
      const set = configEntries.flatMap(({ configName, configValue, configSource }) =>
        configSource === ownConfiguration && configValue !== null ? [[configName, configValue] as const] : [],
      );
      const entries = Object.entries({ ...Object.fromEntries(set), ...ours });
      const configs = entries.map(([name, value]) => ({ name, value }));
      return [{ type: topicResource, name: resourceName, configEntries: configs }];
    });
    if (changed.length === 0) return;
    await this.wire.askAny('change settings', (broker) => broker.alterConfigs({ resources: changed }));
  }
}

export function checkPartition({ name, partitions }: Topic, partition: number): void {
  if (Number.isInteger(partition) && partition >= 0 && partition < partitions) return;
  throw new RelearnError('NOT_FOUND', `topic ${name} has no partition ${partition}`);
}
