import { DiscardPolicy, nanos, NatsError, RetentionPolicy, StorageType, type StreamConfig } from 'nats';
import { RelearnError } from '@relearn/kernel';
import { checkTopic } from '../core/records.js';
import type { TopicSpec } from '../port.js';
import { maxMessageBytes } from './codec.js';
import type { Connection } from './connection.js';
import { streamExists } from './errors.js';
import { streamOf, subjectOf } from './names.js';
import type { NatsOptions } from './options.js';

/** The client's type is older than the servers that are served. */
type Config = StreamConfig & { readonly allow_atomic?: boolean };

export interface Partition {
  readonly topic: string;
  readonly partition: number;
  readonly subject: string;
  readonly stream: string;
}

export interface Topic extends TopicSpec {
  readonly streams: readonly Partition[];
}

/** The shortest that the server takes. */
const shortestAgeMs = 100;
const atOnce = 8;

/** The topics that this process knows: a stream a partition, and what the topic is like in the streams' metadata. */
export class Topics {
  private readonly connection: Connection;
  private readonly options: NatsOptions;
  private readonly known = new Map<string, Topic>();
  /** Configurations as they were when they were last seen. */
  private readonly configs = new Map<string, StreamConfig>();

  constructor(connection: Connection, options: NatsOptions) {
    this.connection = connection;
    this.options = options;
  }

  /** Learns what is there already. */
  async load(): Promise<void> {
    await this.connection.ask('listing the streams', async (jsm) => {
      for await (const { config } of jsm.streams.list(`${this.options.prefix}.>`)) {
        this.configs.set(config.name, config);
        const spec = specOf(config);
        if (spec !== null && config.name === this.place(spec.name, 0).stream) this.remember(spec);
      }
    });
  }

  async ensure(specs: readonly TopicSpec[]): Promise<void> {
    for (const spec of specs) {
      checkTopic(spec);
      const first = this.place(spec.name, 0);
      // The stream of partition 0 decides between two who declare the topic differently at once.
      await this.ensureStream(first, spec);
      const rest = Array.from({ length: spec.partitions - 1 }, (_, index) => this.place(spec.name, index + 1));
      for (let at = 0; at < rest.length; at += atOnce) {
        await Promise.all(rest.slice(at, at + atOnce).map((place) => this.ensureStream(place, spec)));
      }
      this.remember(spec);
    }
  }

  has(name: string): boolean {
    return this.known.has(name);
  }

  get(name: string): Topic {
    const topic = this.known.get(name);
    if (topic === undefined) throw new RelearnError('NOT_FOUND', `no topic ${name}`);
    return topic;
  }

  /** Looks again at the server for a topic that another process may have declared meanwhile. */
  async find(name: string): Promise<Topic> {
    if (!this.known.has(name)) await this.load();
    return this.get(name);
  }

  async findPartition(name: string, partition: number): Promise<Partition> {
    await this.find(name);
    return this.partition(name, partition);
  }

  partition(name: string, partition: number): Partition {
    const place = this.get(name).streams[partition];
    if (place === undefined) throw new RelearnError('NOT_FOUND', `topic ${name} has no partition ${partition}`);
    return place;
  }

  private remember({ name, partitions, retentionMs }: TopicSpec): void {
    const streams = Array.from({ length: partitions }, (_, partition) => this.place(name, partition));
    this.known.set(name, { name, partitions, retentionMs, streams });
  }

  private place(topic: string, partition: number): Partition {
    const subject = subjectOf(this.options.prefix, topic, partition);
    return { topic, partition, subject, stream: streamOf(subject) };
  }

  private async ensureStream(place: Partition, spec: TopicSpec): Promise<void> {
    const seen = this.configs.get(place.stream);
    const found = seen === undefined ? await this.create(place, spec) : null;
    const config = found ?? seen ?? (await this.look(place));
    refuseOtherPartitions(config, spec);
    const changes = this.changes(config, spec);
    this.configs.set(place.stream, changes === null ? config : await this.update(place, changes));
  }

  /** The new stream, or null where there is one that is not the same. */
  private async create(place: Partition, spec: TopicSpec): Promise<StreamConfig | null> {
    const config = streamConfig(place, spec, this.options);
    return this.connection.ask(`making the stream ${place.stream}`, async (jsm) => {
      try {
        return (await jsm.streams.add(config)).config;
      } catch (thrown) {
        if (thrown instanceof NatsError && thrown.jsError()?.err_code === streamExists) return null;
        throw thrown;
      }
    });
  }

  private look({ stream }: Partition): Promise<StreamConfig> {
    return this.connection.ask(
      `looking at the stream ${stream}`,
      async (jsm) => (await jsm.streams.info(stream)).config,
    );
  }

  private update({ stream }: Partition, changes: Partial<StreamConfig>): Promise<StreamConfig> {
    return this.connection.ask(`changing the stream ${stream}`, async (jsm) => {
      return (await jsm.streams.update(stream, changes)).config;
    });
  }

  /** What the topic's retention, and options that were given, ask for; what an operator has set otherwise stays. */
  private changes(config: Config, spec: TopicSpec): Partial<StreamConfig> | null {
    const { replicas, maxPartitionBytes } = this.options;
    const changes: Partial<Config> = {
      ...(!config.allow_atomic && { allow_atomic: true }),
      ...(config.max_age !== maxAge(spec) && { max_age: maxAge(spec) }),
      ...(replicas !== null && config.num_replicas !== replicas && { num_replicas: replicas }),
      ...(maxPartitionBytes !== null && config.max_bytes !== maxPartitionBytes && { max_bytes: maxPartitionBytes }),
    };
    if (Object.keys(changes).length === 0) return null;
    return { ...changes, metadata: { ...config.metadata, ...metadataOf(spec) } };
  }
}

function maxAge({ retentionMs }: TopicSpec): number {
  return retentionMs === null ? 0 : nanos(Math.max(retentionMs, shortestAgeMs));
}

/**
 * A stream that keeps what it has acknowledged: on disk, refusing what is new when it is full, and with nothing but age that
 * removes a record. Ids only chain messages, so the window in which duplicates are looked for is the shortest there is.
 */
function streamConfig(place: Partition, spec: TopicSpec, { replicas, maxPartitionBytes }: NatsOptions): StreamConfig {
  const config: Partial<Config> = {
    allow_atomic: true,
    name: place.stream,
    subjects: [place.subject],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    num_replicas: replicas ?? 1,
    max_age: maxAge(spec),
    max_msgs: -1,
    max_bytes: maxPartitionBytes ?? -1,
    max_msg_size: maxMessageBytes,
    duplicate_window: nanos(shortestAgeMs),
    allow_direct: true,
    allow_rollup_hdrs: false,
    deny_delete: true,
    deny_purge: true,
    metadata: metadataOf(spec),
  };
  return config as StreamConfig;
}

function metadataOf({ name, partitions, retentionMs }: TopicSpec): Record<string, string> {
  return {
    'relearn.topic': name,
    'relearn.partitions': String(partitions),
    'relearn.retention-ms': retentionMs === null ? 'for ever' : String(retentionMs),
  };
}

function specOf({ metadata }: StreamConfig): TopicSpec | null {
  const name = metadata?.['relearn.topic'];
  const retention = metadata?.['relearn.retention-ms'];
  if (name === undefined || retention === undefined) return null;
  const retentionMs = retention === 'for ever' ? null : Number(retention);
  return { name, partitions: Number(metadata?.['relearn.partitions']), retentionMs };
}

function refuseOtherPartitions(config: StreamConfig, { name, partitions }: TopicSpec): void {
  const known = specOf(config);
  if (known?.partitions === partitions && known.name === name) return;
  const problem =
    known === null
      ? `the stream ${config.name} is not one of ours`
      : `topic ${name} has ${known.partitions} partitions and cannot get ${partitions}`;
  throw new RelearnError('REFUSED', problem, {
    remedy: 'Set RELEARN_PARTITIONS back, or another prefix: keys would change partitions.',
  });
}
