import type { Bus, PartitionReader, ReadLimits, StoredRecord, SubscribeOptions, Subscription } from '@relearn/bus';
import type { SimulatedProcess } from './process.js';
import type { Scheduler } from './scheduler.js';

/** A process's membership of a group, as the bus sees it. */
export interface Membership {
  readonly process: SimulatedProcess;
  /** The bus has not heard of the member for too long: its partitions go to others, and it does not know. */
  evict(): void;
  /** The member hears that it had been evicted, gives up what it held, and joins again. */
  rejoin(): void;
}

export interface SimulatedBusOptions {
  readonly scheduler: Scheduler;
  readonly process: SimulatedProcess;
  readonly bus: Bus;
  /** Several processes use the bus. */
  readonly shared: boolean;
  readonly onJoined: (membership: Membership) => void;
}

/** The bus as a process has it. */
export function simulatedBus(options: SimulatedBusOptions): Bus {
  const { process, bus, shared } = options;
  return {
    features: { ...bus.features, sharedBetweenProcesses: shared },
    ensureTopics: (topics) => bus.ensureTopics(topics),
    publish: (records) => {
      const [first] = records;
      const label = `publish ${first?.topic ?? ''} ${first?.headers['ce_id'] ?? ''} x${records.length}`;
      const some = records.slice(0, options.scheduler.below(records.length));
      return process.call(
        'publish',
        label,
        () => bus.publish(records),
        () => bus.publish(some),
      );
    },
    read: (topic, partition, from, limits) =>
      process.call('read', `read ${topic}`, () => bus.read(topic, partition, from, cut(options, limits))),
    bounds: (topic) => process.call('read', `bounds ${topic}`, () => bus.bounds(topic)),
    positionAt: (topic, partition, wall) =>
      process.call('read', `position ${topic}`, () => bus.positionAt(topic, partition, wall)),
    follow: (topic, partition, from) => simulatedReader(options, bus.follow(topic, partition, from)),
    subscribe: (subscription) =>
      process.call('follow', `join ${subscription.group}`, () => join(options, subscription)),
    close: () => Promise.resolve(),
  };
}

/** Other batch boundaries than those that were asked for. */
function cut({ scheduler, process }: SimulatedBusOptions, limits: ReadLimits): ReadLimits {
  const { batch } = process.faults.present;
  if (batch === 0) return limits;
  return { ...limits, maxRecords: Math.min(limits.maxRecords, 1 + scheduler.below(batch)) };
}

function simulatedReader(options: SimulatedBusOptions, reader: PartitionReader): PartitionReader {
  const { process } = options;
  const name = `${reader.topic}/${reader.partition}`;
  const label = `next ${name}`;
  const next = (limits: ReadLimits, signal: AbortSignal): Promise<StoredRecord[]> =>
    signal.aborted || !process.alive
      ? Promise.resolve([])
      : reader.next(cut(options, limits), process.untilCrash(signal));
  return {
    topic: reader.topic,
    partition: reader.partition,
    get position() {
      return reader.position;
    },
    seek: (position) => reader.seek(position),
    next: (limits, signal) => process.call('follow', label, () => next(limits, signal)),
    commit: (position) => process.call('commit', `commit ${name} ${position}`, () => reader.commit(position)),
  };
}

/** How long the bus waits for a member of which it hears nothing, ms. */
export const sessionMs = 3_000;

/** A member of a group: what the bus says to it reaches it a step later, if it is there. */
class Member implements Membership {
  readonly process: SimulatedProcess;
  private readonly options: SimulatedBusOptions;
  private readonly wanted: SubscribeOptions;
  private readonly held = new Set<number>();
  private readonly draining = new Set<() => void>();
  /** What the bus has said and the member has not heard: in this order, also when it wakes. */
  private readonly said: (() => void)[] = [];
  private subscription: Subscription | null = null;
  /** Grows with each time that it joins: what concerns an earlier one is not for it any more. */
  private generation = 0;
  private evicted = false;
  private rejoining = false;
  private closed = false;

  constructor(options: SimulatedBusOptions, wanted: SubscribeOptions) {
    this.options = options;
    this.process = options.process;
    this.wanted = wanted;
    this.process.atCrash(() => this.die());
  }

  async enter(): Promise<void> {
    const generation = ++this.generation;
    this.evicted = false;
    const { group, topics } = this.wanted;
    this.subscription = await this.options.bus.subscribe({
      group,
      topics,
      onAssigned: (partition, readers) => {
        const own = readers.map((reader) => simulatedReader(this.options, reader));
        this.say(`assigned ${group}/${partition}`, () => {
          if (generation !== this.generation || this.evicted) return;
          this.held.add(partition);
          this.wanted.onAssigned(partition, own);
        });
      },
      onRevoked: (partition) => this.drain(partition),
    });
    // It died before the bus had heard of it.
    if (!this.process.alive) this.die();
  }

  evict(): void {
    if (this.evicted || this.closed) return;
    this.options.scheduler.note(`${this.process.name} is evicted from ${this.wanted.group}`);
    this.evicted = true;
    this.leave();
  }

  rejoin(): void {
    if (!this.evicted || this.closed || this.rejoining) return;
    this.rejoining = true;
    const { group } = this.wanted;
    this.process.later(this.options.scheduler.random() * 1000, `hears that ${group} went on without it`, () => {
      void this.giveUp().then(() => {
        this.rejoining = false;
        return this.closed ? undefined : this.enter();
      });
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.subscription?.close();
    if (this.evicted) await this.giveUp();
  }

  private async giveUp(): Promise<void> {
    for (const partition of [...this.held]) {
      this.held.delete(partition);
      await this.wanted.onRevoked(partition);
    }
  }

  private say(label: string, hear: () => void): void {
    this.said.push(hear);
    this.process.later(0, label, () => this.said.shift()?.());
  }

  private drain(partition: number): Promise<void> {
    return new Promise((resolve) => {
      if (!this.process.alive || this.evicted) return resolve();
      this.draining.add(resolve);
      this.say(`revoked ${this.wanted.group}/${partition}`, () => {
        const given = this.held.delete(partition) ? this.wanted.onRevoked(partition) : Promise.resolve();
        void given.finally(() => {
          this.draining.delete(resolve);
          resolve();
        });
      });
    });
  }

  /** Embedded there is nobody to wait for it; else the bus hears nothing of it any more and finds out. */
  private die(): void {
    this.evicted = true;
    const { scheduler, shared } = this.options;
    if (!shared) return this.leave();
    const ms = sessionMs * (0.5 + scheduler.random());
    scheduler.after(ms, `the session of ${this.process.name} in ${this.wanted.group} ends`, () => this.leave());
  }

  private leave(): void {
    void this.subscription?.close();
    for (const resolve of this.draining) resolve();
    this.draining.clear();
  }
}

async function join(options: SimulatedBusOptions, wanted: SubscribeOptions): Promise<Subscription> {
  const member = new Member(options, wanted);
  await member.enter();
  options.onJoined(member);
  return member;
}
