import { RelearnError } from '@relearn/kernel';
import { type Disaster, type Faults, type Outage, portNames } from './faults.js';
import { SimulatedProcess } from './process.js';
import type { Scheduler } from './scheduler.js';
import { type Membership, sessionMs } from './simulated-bus.js';
import { createProcess, type Durable, type Running, type ServiceName, serviceNames } from './system.js';

/** Which services are together in a process; several processes may have the same. */
export type Layout = readonly (readonly ServiceName[])[];

const folds: readonly ServiceName[] = ['validation', 'feature', 'serving', 'monitoring'];
const others = serviceNames.filter((name) => !folds.includes(name));

/** One process for all; one a service; two of everything; folds apart from deciders, two of each. */
export const layouts: Readonly<Record<string, Layout>> = {
  embedded: [serviceNames],
  apart: serviceNames.map((name) => [name]),
  twins: [serviceNames, serviceNames],
  halves: [folds, folds, others, others],
};

/** A place for a process: whoever dies there is followed by another. */
interface Slot {
  readonly name: string;
  readonly services: readonly ServiceName[];
  readonly memberships: Set<Membership>;
  running: Running | null;
  up: boolean;
  incarnation: number;
}

export interface SupervisorOptions {
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly durable: Durable;
  readonly layout: Layout;
}

/** A turn has been begun, or a model promoted, and nobody has heard of it yet. */
const decided = 'publish control registry/';

/** After an answer of these a process does what it has found right before: meanwhile it may not be any more. */
const ambushes = [
  decided,
  'get leases/',
  'create leases/',
  'replace leases/',
  'get aggregates-',
  'list aggregates-',
  'create aggregates-',
  'replace aggregates-',
  'get checkpoints/',
  'replace checkpoints/',
  'put blob',
  'publish ',
  'commit ',
];

/** Most looks at a lease are of those who wait for it: one of its holder, before it gives a job's result, is seldom hit. */
const looks = ['get leases/', 'get leases/', 'get leases/'];

/** Who is stopped after these believes when it wakes that something is still its own. */
const ambushesOfPauses = [
  ...looks,
  'get aggregates-',
  'replace aggregates-',
  'replace checkpoints/',
  'put blob',
  'publish ',
];

/** After these others are told of something, and need the port that is away. */
const ambushesOfOutages = [decided, 'replace aggregates-', 'put blob', 'publish ', 'publish predictions '];

const places = { crash: ambushes, pause: ambushesOfPauses, outage: ambushesOfOutages };

/** Longest time that a process gets for an orderly end, ms. */
const stopMs = 10_000;

/** Starts processes, lets disasters come over them, and starts them again. */
export class Supervisor {
  private readonly options: SupervisorOptions;
  private readonly slots: readonly Slot[];
  private readonly due = new Map<Disaster, number>();
  private lastDeath = 0;

  constructor(options: SupervisorOptions) {
    this.options = options;
    this.slots = options.layout.map((services, index) => ({
      name: services.length === 1 ? (services[0] ?? '') : `p${index}`,
      services,
      memberships: new Set(),
      running: null,
      up: false,
      incarnation: 0,
    }));
    for (const kind of ['crash', 'pause', 'restart', 'jump', 'outage'] as const) this.plan(kind);
  }

  startAll(): void {
    for (const slot of this.slots) this.start(slot);
  }

  /** Processes that have started and live, of those that run the service. */
  of(service: ServiceName): readonly Running[] {
    return this.slots.flatMap(({ services, running, up }) =>
      up && running !== null && services.includes(service) ? [running] : [],
    );
  }

  all(): readonly Running[] {
    return this.slots.flatMap(({ running, up }) => (up && running !== null ? [running] : []));
  }

  /** Everybody is there, and the bus has found out about everybody who had died. */
  get allUp(): boolean {
    if (this.options.scheduler.now - this.lastDeath < 2 * sessionMs) return false;
    return this.slots.every(({ up, running }) => up && running?.process.isStopped === false);
  }

  /** To be called between steps: what is due happens. */
  disasters(): void {
    for (const [kind, at] of this.due) {
      if (this.options.scheduler.steps < at) continue;
      this.plan(kind);
      this.strike(kind);
    }
  }

  /** Nobody is stopped any more. */
  heal(): void {
    this.due.clear();
    for (const slot of this.slots) this.wake(slot);
  }

  /** Drops every process, as their end would. */
  drop(): void {
    for (const { running } of this.slots) running?.process.crash();
  }

  private plan(kind: Disaster): void {
    const { scheduler, faults } = this.options;
    const gap = faults.present.disasters[kind];
    this.due.delete(kind);
    if (gap > 0) this.due.set(kind, scheduler.steps + 1 + Math.floor(-Math.log(1 - scheduler.random()) * gap));
  }

  private strike(kind: Disaster): void {
    const { scheduler, faults } = this.options;
    if (kind === 'crash' || kind === 'pause' || kind === 'outage') {
      if (scheduler.chance(0.5)) return this.lieInWait(kind);
      if (kind === 'outage') return void this.outage();
    }
    const living = this.living();
    if (living.length === 0) return;
    const slot = scheduler.pick(living);
    faults.count(kind);
    scheduler.note(`${slot.name}: ${kind}`);
    if (kind === 'crash') this.crash(slot);
    else if (kind === 'pause') this.pause(slot, scheduler.pick([1000, 12_000]));
    else if (kind === 'restart') this.restart(slot);
    else if (slot.running !== null)
      slot.running.process.wallError += Math.floor((scheduler.random() - 0.5) * 14_400_000);
  }

  private living(): readonly Slot[] {
    return this.slots.filter(({ running }) => running?.process.isStopped === false);
  }

  private outage(): Outage {
    const { scheduler, faults } = this.options;
    const port = scheduler.pick(portNames);
    const how = scheduler.chance(0.4) ? 'deaf' : 'away';
    faults.count('outage');
    scheduler.note(`outage of ${port}: ${how}`);
    faults.outage(port, 100 + scheduler.random() * scheduler.pick([500, 8000]), how);
    return how;
  }

  /** Strikes whoever is answered at such a place, before it hears the answer; or somebody who is to hear of what was decided there. */
  private lieInWait(kind: 'crash' | 'pause' | 'outage'): void {
    const { scheduler, faults } = this.options;
    const place = scheduler.pick(places[kind]);
    const listener = place === decided && scheduler.chance(0.5);
    let passing = scheduler.below(3);
    faults.waiting.set(kind, (process, name) => {
      if (!name.startsWith(place) || !process.alive || process.isStopped || passing-- > 0) return undefined;
      faults.waiting.delete(kind);
      const slot = listener
        ? scheduler.pick(this.living())
        : this.slots.find(({ running }) => running?.process === process);
      if (slot === undefined) return undefined;
      faults.count(`${kind} from an ambush`);
      scheduler.note(`${slot.name}: ${kind} after ${place}`);
      if (kind === 'crash') this.crash(slot);
      if (kind === 'pause') this.pause(slot, 20_000);
      return kind === 'outage' && this.outage() === 'deaf' ? 'answer lost' : undefined;
    });
  }

  private start(slot: Slot): void {
    const { scheduler, faults, durable, layout } = this.options;
    slot.incarnation += 1;
    const process = new SimulatedProcess(scheduler, faults, slot.name, slot.incarnation);
    slot.memberships.clear();
    const running = createProcess(process, {
      scheduler,
      durable,
      services: slot.services,
      shared: layout.length > 1,
      onJoined: (membership) => slot.memberships.add(membership),
    });
    slot.running = running;
    running.lifecycle.start().then(
      () => {
        slot.up = slot.running === running;
      },
      (thrown: unknown) => {
        if (!process.alive) return;
        faults.count('failed start');
        scheduler.note(`${slot.name} cannot start: ${RelearnError.from(thrown).message}`);
        this.crash(slot);
      },
    );
  }

  private crash(slot: Slot): void {
    slot.running?.process.crash();
    slot.running = null;
    slot.up = false;
    const { scheduler } = this.options;
    this.lastDeath = scheduler.now;
    scheduler.after(20 + scheduler.random() * scheduler.pick([100, 3000]), `${slot.name} starts`, () =>
      this.start(slot),
    );
  }

  private restart(slot: Slot): void {
    const { running } = slot;
    if (running === null || !slot.up) return;
    slot.up = false;
    const { scheduler, faults } = this.options;
    let ended = false;
    const end = () => {
      if (ended || slot.running !== running) return;
      ended = true;
      this.crash(slot);
    };
    running.lifecycle.stop().then(end, end);
    scheduler.after(stopMs, `${slot.name} had time to stop`, () => {
      if (!ended && slot.running === running) faults.count('killed while stopping');
      end();
    });
  }

  private pause(slot: Slot, longest: number): void {
    const { scheduler, layout } = this.options;
    const { running } = slot;
    if (running === null) return;
    running.process.stop();
    for (const membership of layout.length > 1 ? slot.memberships : []) {
      scheduler.after(1500 + scheduler.random() * 3000, `${slot.name} is missed`, () => {
        if (running.process.alive && running.process.isStopped) membership.evict();
      });
    }
    scheduler.after(200 + scheduler.random() * longest, `${slot.name} wakes`, () => {
      if (slot.running === running) this.wake(slot);
    });
  }

  private wake(slot: Slot): void {
    if (slot.running?.process.isStopped !== true) return;
    slot.running.process.wake();
    for (const membership of slot.memberships) membership.rejoin();
  }
}
