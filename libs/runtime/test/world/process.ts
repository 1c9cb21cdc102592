import type { Bus, PartitionReader } from '@relearn/bus';
import { type Clock, type Part, RelearnError, systemChance, systemClock } from '@relearn/kernel';
import { Activity, Catalog, type Ports } from '@relearn/runtime';
import { silentTelemetry } from '@relearn/telemetry';
import { type Durable, partitions } from './durable.js';

/** The named failpoint is hit the `hit`th time: the process dies there, or the call throws and the process goes on. */
export interface Crash {
  readonly point: string;
  readonly hit: number;
  readonly by: 'kill' | 'throw';
}

export interface ProcessOptions {
  readonly crash?: Crash;
  readonly instance?: string;
  /** Several processes may use the bus: leases are waited for. */
  readonly shared?: boolean;
  /** A consumer group of its own, as the bus would give to a member that it has lost sight of: it gets every shard. */
  readonly ownGroup?: boolean;
  readonly clock?: Clock;
  readonly holdResults?: boolean;
  /** So many reads of the log fail, one after another, once this many have worked. */
  readonly failReads?: { readonly after: number; readonly times: number };
}

/** Sleeps of back-off are cut short. */
export const hurried: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 2), signal) };

/** A clock that runs so many times as fast: leases of seconds end within a test. */
export function fast(times: number): Clock {
  return {
    ...systemClock,
    now: () => systemClock.now() * times,
    sleep: (ms, signal) => systemClock.sleep(ms / times, signal),
    after: (ms, callback) => systemClock.after(ms / times, callback),
  };
}

const forever = new Promise<never>(() => undefined);

/**
 * A process on durable adapters. Once it has been killed nothing that it does reaches them: calls under way and later ones
 * never come back, and its shards go to the next process.
 */
export class TestProcess {
  readonly ports: Ports;
  readonly died: Promise<void>;
  private dead = false;
  private frozen: Promise<void> = Promise.resolve();
  private reads = 0;
  private readonly durable: Durable;
  private readonly parts: Part[] = [];
  private readonly subscriptions: (() => Promise<void>)[] = [];
  private die: () => void = () => undefined;

  constructor(durable: Durable, options: ProcessOptions = {}) {
    this.durable = durable;
    this.died = new Promise((resolve) => {
      this.die = resolve;
    });
    const { instance = 'one', clock = hurried } = options;
    const bus = this.mortalBus(options, instance);
    this.ports = {
      kernel: { clock, chance: systemChance, failpoints: { hit: this.failpoint(options.crash) } },
      bus,
      store: this.mortal(durable.store),
      blobs: this.mortal(durable.blobs),
      workers: { run: () => Promise.reject(new Error('no workers')), stop: () => Promise.resolve() },
      telemetry: silentTelemetry(),
      catalog: new Catalog(bus, partitions, clock),
      activity: new Activity(clock, options.holdResults ?? false),
      partitions,
      instance,
    };
  }

  get isDead(): boolean {
    return this.dead;
  }

  async start(parts: readonly Part[]): Promise<void> {
    for (const part of parts) {
      if (this.dead) return;
      this.parts.push(part);
      await Promise.race([part.start(), this.died]);
    }
  }

  /** Until nothing is left to do, or it has died. */
  async settled(): Promise<void> {
    await Promise.race([this.idle(), this.died]);
  }

  private async idle(): Promise<void> {
    const { activity, bus } = this.ports;
    do {
      await activity.idle(bus);
      while (activity.jobs() > 0) {
        await systemClock.sleep(1);
        await activity.idle(bus);
      }
      // A shard that has caught up writes its checkpoint a little later.
      await systemClock.sleep(8);
    } while ((await activity.behind(bus)) > 0 || activity.jobs() > 0);
  }

  async stop(): Promise<void> {
    for (const part of this.parts.reverse()) await part.stop();
  }

  /** As `kill -9`: what had been handed to the adapters stays, nothing more comes. */
  async kill(): Promise<void> {
    this.dead = true;
    this.die();
    await Promise.all(this.subscriptions.map((close) => close()));
  }

  /** Nothing that it does reaches the adapters until it is thawed: a process that the machine has stopped for a while. */
  freeze(): () => void {
    let thaw: () => void = () => undefined;
    this.frozen = new Promise((resolve) => {
      thaw = resolve;
    });
    return thaw;
  }

  private failpoint(crash: Crash | undefined): (name: string) => void {
    let left = crash?.hit ?? 0;
    return (name) => {
      if (crash === undefined || name !== crash.point) return;
      left -= 1;
      if (left !== 0) return;
      if (crash.by === 'throw') throw new Error(`failpoint ${name}`);
      void this.kill();
      throw new Error('dead');
    };
  }

  private mortal<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, name, receiver) => {
        const value: unknown = Reflect.get(object, name, receiver);
        if (typeof value !== 'function') return value;
        return async (...given: unknown[]) => {
          await this.frozen;
          if (this.dead) return forever;
          try {
            return await value.apply(object, given);
          } finally {
            // Neither an answer nor an error reaches a process that has died meanwhile.
            if (this.dead) await forever;
          }
        };
      },
    });
  }

  private mortalBus({ shared = false, ownGroup = false, failReads }: ProcessOptions, instance: string): Bus {
    const { bus } = this.durable;
    const mortal = this.mortal(bus);
    return new Proxy(bus, {
      get: (_object, name): unknown => {
        if (name === 'features') return { ...bus.features, sharedBetweenProcesses: shared };
        if (name === 'follow') return bus.follow.bind(bus);
        if (name !== 'subscribe') return Reflect.get(mortal, name);
        return async (options: Parameters<Bus['subscribe']>[0]) => {
          const subscription = await bus.subscribe({
            ...options,
            group: ownGroup ? `${options.group}-${instance}` : options.group,
            onAssigned: (partition, readers) => {
              if (!this.dead)
                options.onAssigned(
                  partition,
                  readers.map((reader) => this.mortalReader(reader, failReads)),
                );
            },
            onRevoked: (partition) =>
              this.dead ? Promise.resolve() : Promise.race([options.onRevoked(partition), this.died]),
          });
          this.subscriptions.push(() => subscription.close());
          return subscription;
        };
      },
    });
  }

  private mortalReader(reader: PartitionReader, failReads: ProcessOptions['failReads']): PartitionReader {
    const mortal = this.mortal(reader);
    const next: PartitionReader['next'] = async (limits, signal) => {
      this.reads += 1;
      const { after = 0, times = 0 } = failReads ?? {};
      if (this.reads > after && this.reads <= after + times) throw new RelearnError('UNAVAILABLE', 'the log is away');
      return mortal.next(limits, signal);
    };
    return new Proxy(reader, {
      get: (object, name): unknown => {
        if (name === 'next') return next;
        return name === 'seek' ? object.seek.bind(object) : Reflect.get(mortal, name);
      },
    });
  }
}
