import { RelearnError } from '@relearn/kernel';
import type { TopicSpec } from '../port.js';
import type { LogContents, LogStorage, LogTopic, Shard, ShardState } from './log.js';
import { PartitionLog } from './partition-log.js';
import { checkTopic } from './records.js';

export interface Topic extends LogTopic {
  readonly logs: readonly PartitionLog[];
}

/** The topics of a bus and their partitions. */
export class Topics {
  private readonly storage: LogStorage;
  private readonly tailBytes: number;
  private readonly byName = new Map<string, Topic>();
  private nextShard: Shard;
  /** Declarations run one after another. */
  private declaring: Promise<void> = Promise.resolve();

  constructor(storage: LogStorage, contents: LogContents, tailBytes: number) {
    this.storage = storage;
    this.tailBytes = tailBytes;
    this.nextShard = Math.max(0, ...contents.topics.map((topic) => topic.firstShard + topic.partitions));
    const states = new Map(contents.shards.map((state) => [state.shard, state]));
    for (const topic of contents.topics) {
      this.byName.set(
        topic.name,
        this.withLogs(topic, (shard) => states.get(shard)),
      );
    }
  }

  all(): readonly Topic[] {
    return [...this.byName.values()];
  }

  get(name: string): Topic {
    const topic = this.byName.get(name);
    if (topic === undefined) throw new RelearnError('NOT_FOUND', `no topic ${name}`);
    return topic;
  }

  log(name: string, partition: number): PartitionLog {
    const log = this.get(name).logs[partition];
    if (log === undefined) throw new RelearnError('NOT_FOUND', `topic ${name} has no partition ${partition}`);
    return log;
  }

  ensure(specs: readonly TopicSpec[]): Promise<void> {
    const mine = this.declaring.then(() => this.declare(specs));
    this.declaring = mine.then(
      () => undefined,
      // The caller has the error; the next declaration does not depend on it.
      () => undefined,
    );
    return mine;
  }

  private async declare(specs: readonly TopicSpec[]): Promise<void> {
    const changed = new Map<string, Topic>();
    for (const spec of specs) {
      checkTopic(spec);
      const known = changed.get(spec.name) ?? this.byName.get(spec.name);
      if (known === undefined) changed.set(spec.name, this.create(spec));
      else if (known.partitions !== spec.partitions) throw otherPartitions(known, spec);
      else if (known.retentionMs !== spec.retentionMs)
        changed.set(spec.name, { ...known, retentionMs: spec.retentionMs });
    }
    if (changed.size === 0) return;
    await this.storage.declare([...changed.values()].map(({ logs: _, ...topic }) => topic));
    for (const topic of changed.values()) this.byName.set(topic.name, topic);
  }

  private create({ name, partitions, retentionMs }: TopicSpec): Topic {
    const firstShard = this.nextShard;
    this.nextShard += partitions;
    return this.withLogs({ name, partitions, retentionMs, firstShard }, () => undefined);
  }

  private withLogs(topic: LogTopic, stateOf: (shard: Shard) => ShardState | undefined): Topic {
    const logs = Array.from({ length: topic.partitions }, (_, partition) => {
      const shard = topic.firstShard + partition;
      const state = stateOf(shard) ?? { shard, first: 0, end: 0, lastAppendedAt: 0 };
      return new PartitionLog(topic.name, partition, state, this.storage, this.tailBytes);
    });
    return { ...topic, logs };
  }
}

export function otherPartitions(known: TopicSpec, asked: TopicSpec): RelearnError {
  return new RelearnError(
    'REFUSED',
    `topic ${known.name} has ${known.partitions} partitions and cannot get ${asked.partitions}`,
    { remedy: 'Set RELEARN_PARTITIONS back, or begin with an empty data folder: keys would change partitions.' },
  );
}
