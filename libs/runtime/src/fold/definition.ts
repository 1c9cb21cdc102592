import type { Attributes, LoggedEvent, Topic } from '@relearn/contracts';
import type { Emission } from '../emit.js';
import type { Ports } from '../ports.js';

/** Named byte strings: a fold's state as its checkpoint keeps it. */
export type Parts = ReadonlyMap<string, Uint8Array>;

export interface Shard {
  readonly partition: number;
  readonly ports: Ports;
  /** Address of a blob that is written before anything that follows from this call is published. */
  blob(bytes: Uint8Array): string;
}

/**
 * A fold: `(state, rows) → {state, rows out, blobs}`, deterministic: from one state the same records give the same
 * emissions, however they are batched. The state belongs to the runtime's loop, which may throw it away at any time and
 * open it again from its last checkpoint.
 */
export interface FoldDefinition<S> {
  /** Service name: the consumer group and the first word of its sources. */
  readonly service: string;
  readonly topics: readonly Topic[];
  /** Topics whose events are made once and numbered by their source; raw data is deduplicated by record ids instead. */
  readonly sequenced: (topic: Topic) => boolean;
  open(shard: Shard, saved: Parts): Promise<S> | S;
  /** The shard is another process's, or nobody's, from now on. */
  release?(partition: number): void;
  /**
   * Called before each record, with its first row's address; true when the state has changed and must be durable before the
   * record is applied. Not called for one that an earlier owner of the shard may have applied: it is applied as it was then.
   */
  prepare?(state: S, next: number, shard: Shard): Promise<boolean>;
  /** False: the event changes nothing, as its attributes say, and its data is not read. */
  concerns?(event: Attributes): boolean;
  /** Rows of the event below `fromRow` have been applied before. Throws INVALID_EVENT before touching the state. */
  apply(
    state: S,
    event: LoggedEvent,
    fromRow: number,
    shard: Shard,
  ): Promise<readonly Emission[]> | readonly Emission[];
  /** Parts that changed since the last save; null removes one. */
  save(state: S): ReadonlyMap<string, Uint8Array | null>;
  /** Figures that stand in the checkpoint beside the positions they belong to. */
  counts?(state: S): Readonly<Record<string, Readonly<Record<string, number>>>>;
}
