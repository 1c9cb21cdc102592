import type { Bus, SubscribeOptions, Subscription } from '@relearn/bus';
import { systemKernel } from '@relearn/kernel';
import { afterEach, describe, expect, test } from 'vitest';
import { Trouble } from '../src/core/trouble.js';
import { Coordinator } from '../src/kafka/coordinator.js';
import { GroupMember } from '../src/kafka/group-member.js';
import { groupDefaults, type KafkaGroupSettings } from '../src/kafka/options.js';
import type { KafkaReader } from '../src/kafka/reader.js';
import { Topics } from '../src/kafka/topics.js';
import { Wire } from '../src/kafka/wire.js';
import { broker, busOptions, canKill, openBus, ownBroker, randomPrefix } from './kafka-engine.js';

const { clock } = systemKernel;
const partitions = 2;
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await clock.sleep(5);
}

const subscription = (held: Set<number>): SubscribeOptions => ({
  group: 'crew',
  topics: ['flights'],
  onAssigned: (partition) => void held.add(partition),
  onRevoked: async (partition) => void held.delete(partition),
});

/** A member whose partitions' readers are only asked whether they may go on. */
class Watched {
  /** Of each partition that was given to it, the last time: throws FENCED once it is another's. */
  readonly checks = new Map<number, () => void>();
  /** Partitions whose readers were told to look whether they may go on. */
  readonly woken = new Set<number>();
  readonly held = new Set<number>();
  joins = 0;
  beforeJoin: () => Promise<void> = async () => undefined;
  readonly member: GroupMember;

  constructor(address: string, prefix: string, groups: Partial<KafkaGroupSettings>) {
    const options = busOptions(address, { prefix });
    const settings = { ...groupDefaults, ...groups };
    const trouble = new Trouble(clock, () => undefined);
    const wire = new Wire(options, systemKernel, trouble);
    const topics = new Topics(wire, systemKernel, options);
    const parts = { wire, topics, settings, kernel: systemKernel };
    const coordinator = new Coordinator('crew', ['flights'], partitions, parts);
    const join = coordinator.join.bind(coordinator);
    coordinator.join = async (...given) => {
      await this.beforeJoin();
      const membership = await join(...given);
      this.joins += 1;
      return membership;
    };
    this.member = new GroupMember(subscription(this.held), {
      coordinator,
      settings,
      kernel: systemKernel,
      trouble,
      openReader: (_topic, partition, _from, check) => {
        this.checks.set(partition, check);
        return { wake: () => this.woken.add(partition) } as unknown as KafkaReader;
      },
      here: (signal) => wire.here(signal),
    });
    closers.push(async () => {
      await this.member.close();
      await wire.close();
      trouble.stop();
    });
  }
}

async function flights(address: string, prefix: string, groups: Partial<KafkaGroupSettings> = {}): Promise<Bus> {
  const bus = await openBus(address, { prefix, groups });
  closers.push(() => bus.close());
  await bus.ensureTopics([{ name: 'flights', partitions, retentionMs: null }]);
  return bus;
}

describe.skipIf(!canKill)('a join that hangs', () => {
  test('fences the readers once the session is over, whatever a rebalance may take', { timeout: 50_000 }, async () => {
    const { address, pause, resume } = await ownBroker();
    const prefix = randomPrefix();
    const bus = await flights(address, prefix);
    const watched = new Watched(address, prefix, { sessionMs: 2_000, heartbeatMs: 100, rebalanceMs: 120_000 });
    await watched.member.start();
    await until(() => watched.held.size === partitions);
    let other: Promise<Subscription> | undefined;
    try {
      // The broker stops before it hears of the join that the other member makes necessary.
      watched.beforeJoin = pause;
      other = bus.subscribe(subscription(new Set()));
      await until(() => watched.woken.size === partitions);
      expect(watched.joins).toBe(1);
      for (const check of watched.checks.values()) expect(check).toThrow(/was given to another member/);
    } finally {
      watched.beforeJoin = async () => undefined;
      await resume();
      await (await other)?.close();
    }
  });
});

describe.skipIf(broker === null)('a join that waits for others', () => {
  test('keeps the readers for longer than the session', { timeout: 120_000 }, async () => {
    const address = broker ?? '';
    const prefix = randomPrefix();
    const rebalanceMs = 6_000;
    // It hears of a rebalance only long after that is over.
    const deaf = await flights(address, prefix, { sessionMs: 30_000, heartbeatMs: 20_000, rebalanceMs });
    const watched = new Watched(address, prefix, { sessionMs: 2_000, heartbeatMs: 100, rebalanceMs });
    await watched.member.start();
    await until(() => watched.held.size === partitions);
    await deaf.subscribe(subscription(new Set()));
    // What it gave back makes the group join again, and the other one does not come.
    await until(() => watched.held.size === 1);
    const [kept = -1] = watched.held;
    watched.woken.clear();
    const before = watched.joins;
    await until(() => watched.joins > before);
    expect([...watched.woken]).not.toContain(kept);
    expect(watched.checks.get(kept)).not.toThrow();
  });
});
