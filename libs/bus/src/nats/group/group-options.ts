import type { Kernel, RelearnError } from '@relearn/kernel';
import type { Store } from '@relearn/store';
import type { Position, SubscribeOptions } from '../../port.js';
import type { Holder, NatsReader } from '../reader.js';

/** What a member of a group works with. */
export interface GroupOptions {
  readonly kernel: Kernel;
  readonly store: Store;
  /** The id of the group's document. */
  readonly document: string;
  /** The member's id: never used before. */
  readonly id: string;
  readonly subscription: SubscribeOptions;
  readonly partitions: number;
  /** How often a sign of life is given. */
  readonly beatMs: number;
  /** After so long without one a member's partitions are given to others. */
  readonly leaseMs: number;
  /** Aborts when the bus closes. */
  readonly closed: AbortSignal;
  /** Readers of a partition number, one a topic, from the committed positions on. */
  readonly open: (partition: number, from: (topic: string) => Position, holder: Holder) => readonly NatsReader[];
  /** Tells the other members that the table has changed. */
  readonly tell: () => void;
  /** Told at each beat why the store could not be written, or null. */
  readonly onStore: (error: RelearnError | null) => void;
}
