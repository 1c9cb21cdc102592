import type { Position, ReadLimits, TopicSpec } from '../port.js';

/** A partition of a topic as the log knows it: a number that is never given twice. */
export type Shard = number;

export interface LogTopic extends TopicSpec {
  /** The shard of partition 0; the others follow. */
  readonly firstShard: Shard;
}

/** A record in a shard; `head` is its key and headers as JSON. */
export interface LogEntry {
  readonly shard: Shard;
  readonly position: Position;
  readonly appendedAt: number;
  readonly head: string;
  readonly value: Uint8Array;
}

export interface ShardState {
  readonly shard: Shard;
  readonly first: Position;
  readonly end: Position;
  /** Wall time of the last record that was ever in it; 0 when there was none. */
  readonly lastAppendedAt: number;
}

export interface CommittedPosition {
  readonly group: string;
  readonly shard: Shard;
  readonly position: Position;
}

export interface LogContents {
  readonly topics: readonly LogTopic[];
  readonly shards: readonly ShardState[];
  readonly committed: readonly CommittedPosition[];
}

/**
 * What keeps the records of a bus that lives in one process: the bus itself gives out positions and times, so that
 * storage only has to keep what it is told, in the order in which it is told.
 */
export interface LogStorage {
  /** Declares topics that are new or have another retention than before, each with its shards. */
  declare(topics: readonly LogTopic[]): Promise<void>;
  /** All or nothing; durable when resolved. */
  append(entries: readonly LogEntry[]): Promise<void>;
  /** Entries from the position on, at least one if there is one, as many as the limits allow. */
  read(shard: Shard, from: Position, limits: ReadLimits): Promise<readonly LogEntry[]>;
  /** The first position from `first` on whose entry was appended at or after the wall time, or null. */
  positionAt(shard: Shard, first: Position, wallMs: number): Promise<Position | null>;
  commit(committed: CommittedPosition): Promise<void>;
  /** From now on the shard begins at this state's `first`. */
  advance(state: ShardState): Promise<void>;
  /** Removes up to `limit` entries below the position; the number that it removed. */
  remove(shard: Shard, below: Position, limit: number): Promise<number>;
}
