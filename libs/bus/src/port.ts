import type { RelearnError } from '@relearn/kernel';

/** A record's place in its partition. Positions grow within a partition; gaps are allowed. */
export type Position = number;

export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  /** Machine time for which records are kept at least; null keeps them for ever. */
  readonly retentionMs: number | null;
}

export interface OutgoingRecord {
  readonly topic: string;
  readonly partition: number;
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Uint8Array;
}

export interface StoredRecord extends OutgoingRecord {
  readonly position: Position;
  /** Wall time in ms at which the bus took it. */
  readonly appendedAt: number;
}

export interface PartitionBounds {
  /** The oldest position that is still kept. */
  readonly first: Position;
  /** The position that the next record will not be below; equal to `first` when empty. */
  readonly end: Position;
}

export interface ReadLimits {
  readonly maxRecords: number;
  readonly maxBytes: number;
}

/**
 * Reads one partition from a position on. Not for concurrent use. Its bytes are shared with other readers: they are not to
 * be changed. Errors: UNAVAILABLE once the bus is closed, FENCED once the partition has moved to another member.
 */
export interface PartitionReader {
  readonly topic: string;
  readonly partition: number;
  /** Where the next `next` begins: at first the group's committed position, or the one asked for. */
  readonly position: Position;
  /** The next `next` begins at this position or the first kept one above it. */
  seek(position: Position): void;
  /** Waits until at least one record is there, or until the signal aborts (then an empty array). Never busy-waits. */
  next(limits: ReadLimits, signal: AbortSignal): Promise<StoredRecord[]>;
  /** Says to the group that everything below the position is done. A hint: a consumer's checkpoint decides where it resumes. */
  commit(position: Position): Promise<void>;
}

export interface SubscribeOptions {
  readonly group: string;
  /** Topics with equal partition counts: one member gets the same partition numbers of all of them. */
  readonly topics: readonly string[];
  /**
   * The partition is this member's from now on; its readers, one a topic in `topics`' order, start at the committed positions.
   * May be called before `subscribe` has resolved, or much later: when the former owner has drained. Must not throw.
   */
  readonly onAssigned: (partition: number, readers: readonly PartitionReader[]) => void;
  /**
   * The partition is about to go to another member: that waits until this has resolved (the drain). Until then its readers
   * read and commit as before. A drain that rejects counts as ended; `close` of the subscription tells the error.
   */
  readonly onRevoked: (partition: number) => Promise<void>;
}

export interface Subscription {
  /** Gives back all partitions, each after its drain. */
  close(): Promise<void>;
}

export interface BusFeatures {
  readonly name: string;
  /** What survives when the process dies, and what when the machine loses power. */
  readonly durability: { readonly process: boolean; readonly power: boolean };
  readonly sharedBetweenProcesses: boolean;
}

/**
 * A durable partitioned log.
 *
 * - `publish` resolves when every record is durable; records of one call, and of calls one after another, keep their
 *   order within a partition, also when nobody waits between the calls. What the caller does with its bytes later is its own. On failure a prefix in each partition may have been written: callers retry, readers dedupe.
 * - An encoded record (key, headers, value) is at most `maxRecordBytes`; a larger one is refused with TOO_LARGE.
 * - A batch ends before `maxBytes` (key, headers and value) and at `maxRecords`, but holds at least one record if there is one.
 * - `appendedAt` never falls within a partition.
 * - Within a group each partition belongs to one member at a time; its members read the same topics (REFUSED otherwise).
 * - A topic keeps its number of partitions for ever: `ensureTopics` with another one is REFUSED.
 * - `close` drains the subscriptions and then ends whoever still waits with UNAVAILABLE.
 * - Errors: UNAVAILABLE and STORAGE_FAILED (retry), RESOURCE_EXHAUSTED (too much is on its way: retry later), TOO_LARGE,
 *   NOT_FOUND for an unknown topic or partition.
 */
export interface Bus {
  readonly features: BusFeatures;
  ensureTopics(topics: readonly TopicSpec[]): Promise<void>;
  publish(records: readonly OutgoingRecord[]): Promise<Position[]>;
  read(topic: string, partition: number, from: Position, limits: ReadLimits): Promise<StoredRecord[]>;
  bounds(topic: string): Promise<PartitionBounds[]>;
  /** The first position whose record was appended at or after the wall time. */
  positionAt(topic: string, partition: number, wallMs: number): Promise<Position>;
  /** A reader outside of any group (its `commit` does nothing): for views that every instance keeps. */
  follow(topic: string, partition: number, from: Position): PartitionReader;
  subscribe(options: SubscribeOptions): Promise<Subscription>;
  /** Why the bus cannot be used now, for readiness; null while it can. Absent where it cannot be away. Never waits. */
  health?(): RelearnError | null;
  close(): Promise<void>;
}

export const maxRecordBytes = 512 * 1024;
