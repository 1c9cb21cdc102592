import { type MachineMs, RelearnError } from '@relearn/kernel';
import type { Document } from '@relearn/store';
import { onAbort } from '../../core/aborts.js';
import type { Subscription } from '../../port.js';
import { isRace } from './committed.js';
import type { GroupOptions } from './group-options.js';
import { Holding } from './holding.js';
import { Liveness } from './liveness.js';
import {
  beaten,
  decodeTable,
  differ,
  emptyTable,
  encodeTable,
  type GroupTable,
  released,
  taken,
  targets,
  without,
} from './table.js';

export const groupCollection = 'bus-groups';

interface Read {
  readonly document: Document | null;
  readonly table: GroupTable;
}

/**
 * A member of a group. At each beat it reads the group's table, gives a sign of life, removes who has given none for the
 * lease's duration, gives back what it has drained and takes what is free and its own: one compare-and-set. A message tells the
 * others at once; the beat is for when none comes. Its readers give nothing out while its own lease may have run out.
 */
export class Member implements Subscription {
  private readonly options: GroupOptions;
  private readonly holdings = new Map<number, Holding>();
  private readonly failures: unknown[] = [];
  private readonly liveness: Liveness;
  /** The time before the last write that held this member. */
  private confirmedAt: MachineMs = Number.NEGATIVE_INFINITY;
  private last: Read | undefined;
  private floor = 0;
  private joined = false;
  private leaving = false;
  private ended = false;
  private failing = false;
  private poked = false;
  private wakeUp: () => void = () => undefined;
  private readonly waiting = new Set<() => void>();
  private running: Promise<void> = Promise.resolve();
  private closing: Promise<void> | undefined;

  constructor(options: GroupOptions) {
    this.options = options;
    this.liveness = new Liveness(options.leaseMs);
  }

  /** Resolves when it is in the table and has what was free for it. REFUSED when the living members read other topics. */
  async join(): Promise<void> {
    const { kernel, closed, beatMs } = this.options;
    const others = new Map<string, number>();
    for (;;) {
      if (closed.aborted) throw new RelearnError('UNAVAILABLE', 'the bus is closing');
      await this.beat();
      if (this.joined) break;
      for (const { id, beat } of this.last?.table.members ?? []) {
        if ((others.get(id) ?? beat) !== beat) throw otherTopics(this.options, this.last?.table.topics ?? []);
        others.set(id, beat);
      }
      await kernel.clock.sleep(beatMs, closed);
    }
    await Promise.all([...this.holdings.values()].map(({ taking }) => taking));
    this.running = this.run();
  }

  /** Something may have changed. */
  poke(): void {
    this.poked = true;
    this.wakeUp();
  }

  close(): Promise<void> {
    this.closing ??= this.leave();
    return this.closing;
  }

  private async leave(): Promise<void> {
    this.leaving = true;
    this.poke();
    const drains = [...this.holdings.values()].map((holding) => holding.drain());
    await Promise.all([...drains, this.running]);
    const [failure] = this.failures;
    if (failure !== undefined) throw RelearnError.from(failure);
  }

  private async run(): Promise<void> {
    const { kernel, beatMs } = this.options;
    while (!this.ended) {
      if (!this.poked) {
        const pause = new AbortController();
        this.wakeUp = () => pause.abort();
        await kernel.clock.sleep(beatMs, pause.signal);
      }
      this.poked = false;
      await this.beat();
    }
    for (const resume of [...this.waiting]) resume();
  }

  private async beat(): Promise<void> {
    const { kernel, leaseMs, onStore } = this.options;
    try {
      while (!(await this.tryBeat())) await kernel.clock.sleep(kernel.chance.next() * 20);
      this.failing = false;
      onStore(null);
    } catch (thrown) {
      // The store is away: tried again at the next beat. What is held stays held until the lease has run out.
      this.failing = true;
      onStore(RelearnError.from(thrown));
      const late = kernel.clock.now() - this.confirmedAt > leaseMs;
      // What it has drained is free when its lease has run out, if it cannot say so.
      if (this.leaving && late && this.allDrained()) this.ended = true;
    }
    for (const resume of [...this.waiting]) resume();
  }

  /** False when somebody else has written first. */
  private async tryBeat(): Promise<boolean> {
    const { id, kernel } = this.options;
    const startedAt = kernel.clock.now();
    const read = await this.read();
    this.loseWhatIsNotOurs(read.table);
    const dead = this.liveness.look(
      read.table.members.filter((member) => member.id !== id),
      kernel.clock.now(),
    );
    const alive = without(read.table, dead);
    const base = this.ours(alive);
    if (base === null) return true;
    const next = this.next(base);
    const document = await this.write(read, next);
    if (document === null) return false;
    this.last = { document, table: next };
    this.confirmedAt = startedAt;
    if (differ(read.table, next)) this.options.tell();
    this.apply(next);
    return true;
  }

  /** What was written last stands while nobody else is in the group: a lone member only writes. */
  private async read(): Promise<Read> {
    const { store, document: id, kernel, subscription, partitions } = this.options;
    if (this.last !== undefined && !this.failing && this.isAlone(this.last.table)) return this.last;
    const document = await store.get(groupCollection, id);
    const fresh = () => emptyTable(subscription.topics, partitions, Math.floor(kernel.clock.wall()));
    this.last = { document, table: document === null ? fresh() : decodeTable(document.body) };
    return this.last;
  }

  /** The table, one for our topics where nobody is left who reads others, or null where somebody does. */
  private ours(table: GroupTable): GroupTable | null {
    const { subscription, partitions } = this.options;
    if (table.topics.join() === subscription.topics.join() && table.owners.length === partitions) return table;
    return table.members.length === 0 ? emptyTable(subscription.topics, partitions, table.epoch) : null;
  }

  private next(table: GroupTable): GroupTable {
    const { id } = this.options;
    const drained = [...this.holdings.values()].filter((holding) => holding.drained);
    const free = released(table, id, new Map(drained.map(({ partition, epoch }) => [partition, epoch])));
    if (this.leaving && this.allDrained()) return without(free, [id]);
    const except = (partition: number) => this.holdings.get(partition)?.drained === false;
    return taken(beaten(free, id, this.leaving), id, except, this.floor);
  }

  private async write({ document }: Read, table: GroupTable): Promise<Document | null> {
    const { store, document: id } = this.options;
    try {
      return document === null
        ? await store.create(groupCollection, id, encodeTable(table))
        : await store.replace(groupCollection, id, document.version, encodeTable(table));
    } catch (thrown) {
      this.last = undefined;
      if (isRace(thrown)) return null;
      throw thrown;
    }
  }

  private apply(table: GroupTable): void {
    const { id } = this.options;
    for (const [partition, holding] of this.holdings) {
      if (holding.drained && !this.isOurs(table, holding)) this.holdings.delete(partition);
    }
    if (!table.members.some((member) => member.id === id)) {
      this.ended = true;
      return;
    }
    this.joined = true;
    const wanted = targets(table);
    for (const [partition, owner] of table.owners.entries()) {
      if (owner?.member !== id) continue;
      const holding = this.holdings.get(partition);
      if (holding === undefined) {
        if (!this.leaving) this.hold(partition, owner.epoch);
      } else if (wanted[partition] !== id) void holding.drain();
    }
  }

  private hold(partition: number, epoch: number): void {
    const { kernel, store, document, subscription } = this.options;
    const holding = new Holding({
      kernel,
      store,
      document: `${document}/${partition}`,
      partition,
      epoch,
      subscription,
      open: (from, holder) => this.options.open(partition, from, holder),
      sure: (signal) => this.sure(signal),
      onChange: ({ newerFence }) => {
        this.floor = Math.max(this.floor, newerFence);
        this.poke();
      },
      onFailure: (thrown) => this.failures.push(thrown),
    });
    this.holdings.set(partition, holding);
    holding.begin();
  }

  private loseWhatIsNotOurs(table: GroupTable): void {
    for (const holding of this.holdings.values()) if (!this.isOurs(table, holding)) void holding.lose();
  }

  private isOurs({ owners }: GroupTable, { partition, epoch }: Holding): boolean {
    const owner = owners[partition];
    return owner?.member === this.options.id && owner.epoch === epoch;
  }

  private isAlone({ members }: GroupTable): boolean {
    return members.length === 1 && members[0]?.id === this.options.id;
  }

  private allDrained(): boolean {
    return [...this.holdings.values()].every((holding) => holding.drained);
  }

  /** Waits while the lease may have run out without our knowing: until the table says whose the partitions are. */
  private async sure(signal: AbortSignal): Promise<void> {
    const { kernel, leaseMs } = this.options;
    const inDoubt = () => !signal.aborted && !this.ended && kernel.clock.now() - this.confirmedAt >= leaseMs;
    if (inDoubt()) this.poke();
    while (inDoubt()) {
      await new Promise<void>((resolve) => {
        const finish = () => {
          this.waiting.delete(finish);
          forget();
          resolve();
        };
        const forget = onAbort(signal, finish);
        this.waiting.add(finish);
      });
    }
  }
}

function otherTopics({ subscription }: GroupOptions, theirs: readonly string[]): RelearnError {
  return new RelearnError(
    'REFUSED',
    `group ${subscription.group} reads ${theirs.join(', ')}; a member that reads ${subscription.topics.join(', ')} cannot share its partitions`,
    { remedy: 'Give it a group of its own.' },
  );
}
