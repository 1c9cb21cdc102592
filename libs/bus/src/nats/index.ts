import { type Kernel, type RelearnError, retry } from '@relearn/kernel';
import type { Store } from '@relearn/store';
import type { Bus } from '../port.js';
import { Connection } from './connection.js';
import { committedCollection } from './group/committed.js';
import { groupCollection } from './group/member.js';
import { type BusState, Health } from './health.js';
import { NatsBus } from './nats-bus.js';
import type { NatsOptions } from './options.js';
import { Topics } from './topics.js';

export type { BusState } from './health.js';
export { type NatsCredentials, type NatsOptions, natsOptions, type NatsTls } from './options.js';

export interface OpenNatsBusOptions {
  readonly nats: NatsOptions;
  /** Keeps who owns which partition of a group, and what groups have committed. Left open by the bus. */
  readonly store: Store;
  readonly kernel: Kernel;
  /** Ends the wait for a server that is not there yet. */
  readonly signal?: AbortSignal;
  /** Told when the bus goes away, once a minute while it stays away, and when it is back. */
  readonly onState?: (state: BusState) => void;
  /** Told when a group's table cannot be written, once until it can again. */
  readonly onBackgroundError?: (error: RelearnError) => void;
  /** How often a member of a group gives a sign of life, in ms. */
  readonly beatMs?: number;
  /** After so many ms without one a member's partitions go to others. */
  readonly leaseMs?: number;
}

/** A bus on NATS JetStream, for any number of processes. Waits until a server is there. Throws INVALID_CONFIG. */
export async function openNatsBus(options: OpenNatsBusOptions): Promise<Bus> {
  const { nats, store, kernel, signal = new AbortController().signal } = options;
  const health = new Health(kernel.clock, options.onState ?? (() => undefined));
  const connection = await Connection.open(nats, kernel, health, signal);
  try {
    await store.ensureCollections([{ name: groupCollection }, { name: committedCollection }]);
    const topics = new Topics(connection, nats);
    await retry({ clock: kernel.clock, chance: kernel.chance, signal, longestDelayMs: 2_000 }, () => topics.load());
    return new NatsBus({
      connection,
      topics,
      store,
      kernel,
      prefix: nats.prefix,
      beatMs: options.beatMs ?? 1_000,
      leaseMs: options.leaseMs ?? 4_000,
      onBackgroundError: options.onBackgroundError ?? (() => undefined),
    });
  } catch (thrown) {
    await connection.close();
    throw thrown;
  }
}
