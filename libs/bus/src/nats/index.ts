import type { Kernel, RelearnError } from '@relearn/kernel';
import type { Store } from '@relearn/store';
import { Trouble } from '../core/trouble.js';
import type { Bus, BusFeatures } from '../port.js';
import { Connection } from './connection.js';
import { committedCollection } from './group/committed.js';
import { groupCollection } from './group/member.js';
import { NatsBus } from './nats-bus.js';
import type { NatsOptions } from './options.js';
import { Topics } from './topics.js';

export { type NatsCredentials, type NatsOptions, natsOptions, type NatsTls } from './options.js';

export interface OpenNatsBus extends NatsOptions {
  /** Keeps who owns which partition of a group, and what groups have committed. Whoever opened it closes it after the bus. */
  readonly store: Store;
  /** Told when the servers are away or refuse, and once a minute while that lasts. `health` of the bus says the same. */
  readonly onBackgroundError?: (error: RelearnError) => void;
  /** How often a member of a group gives a sign of life, in ms. */
  readonly beatMs?: number;
  /** After so many ms without one a member's partitions go to others. */
  readonly leaseMs?: number;
}

/**
 * Three copies survive the loss of one machine's power. One does when the server has `sync_interval: always`, which no client
 * can ask for.
 */
export function natsFeatures({ replicas }: NatsOptions): BusFeatures {
  const power = (replicas ?? 1) >= 3;
  return { name: 'nats', durability: { process: true, power }, sharedBetweenProcesses: true };
}

/**
 * A bus on NATS JetStream, for any number of processes. Throws UNAVAILABLE when no server answers, and INVALID_CONFIG when one
 * refuses us. From then on it connects again for as long as it takes.
 */
export async function openNatsBus(options: OpenNatsBus, kernel: Kernel): Promise<Bus> {
  const { store, onBackgroundError = () => undefined, beatMs = 1_000, leaseMs = 5_000, prefix } = options;
  const trouble = new Trouble(kernel.clock, onBackgroundError);
  const connection = await Connection.open(options, kernel, trouble);
  try {
    await store.ensureCollections([{ name: groupCollection }, { name: committedCollection }]);
    const topics = new Topics(connection, options);
    await topics.load();
    return new NatsBus({ features: natsFeatures(options), connection, topics, store, kernel, prefix, beatMs, leaseMs });
  } catch (thrown) {
    await connection.close();
    throw thrown;
  }
}
