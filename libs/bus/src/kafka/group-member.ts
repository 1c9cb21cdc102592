import { type Kernel, type MachineMs, RelearnError } from '@relearn/kernel';
import { onAbort } from '../core/aborts.js';
import type { Position, SubscribeOptions, Subscription } from '../port.js';
import { Commits } from './commits.js';
import type { Coordinator, Membership, PartitionPosition } from './coordinator.js';
import { kafkaError, protocolType } from './errors.js';
import type { KafkaGroupSettings } from './options.js';
import type { KafkaReader } from './reader.js';
import type { Trouble } from '../core/trouble.js';

/** A partition number that this member works on; until the drain has ended also one that it gives back. */
interface Holding {
  readonly readers: KafkaReader[];
  fenced: boolean;
  drained: Promise<void> | null;
}

export interface MemberParts {
  readonly coordinator: Coordinator;
  readonly settings: KafkaGroupSettings;
  readonly kernel: Kernel;
  readonly trouble: Trouble;
  readonly openReader: (
    topic: string,
    partition: number,
    from: Position,
    check: () => void,
    save: (position: Position) => Promise<void>,
  ) => KafkaReader;
  /** Resolves when the brokers can be asked. */
  readonly here: (signal: AbortSignal) => Promise<void>;
}

const retryMs = 250;
/** Failures in a row that are told as trouble. */
const troublesome = 4;

/** What the coordinator says when it knows this member, or its generation, no more. */
const lostTypes: ReadonlySet<string> = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID']);
/** Another member came while this one joined. */
const rebalancing = 'REBALANCE_IN_PROGRESS';
const joinsAgain = (type: string) => type === rebalancing || lostTypes.has(type);

/**
 * A member of a group. One loop joins, reconciles what it has with what it is given, and sends heartbeats. Partitions that it
 * keeps go on through a rebalance; what it has to give back it drains first. When the coordinator has not heard from it for the
 * session's time, by its own clock too, its readers are FENCED before anything else happens.
 */
export class GroupMember implements Subscription {
  private readonly options: SubscribeOptions;
  private readonly parts: MemberParts;
  private readonly holdings = new Map<number, Holding>();
  private readonly commits: Commits;
  /** The first that a callback of the owner has thrown: told by `close`. */
  private failure: RelearnError | undefined;
  private nudge = new AbortController();
  private membership: Membership | null = null;
  private memberId = '';
  /** Until when the coordinator takes this member for alive, at least. */
  private aliveUntil: MachineMs = 0;
  private rejoin = false;
  private leaving = false;
  private failed = 0;
  private running: Promise<void> = Promise.resolve();
  private closing: Promise<void> | undefined;
  private settledWaiters: (() => void)[] = [];

  constructor(options: SubscribeOptions, parts: MemberParts) {
    this.options = options;
    this.parts = parts;
    this.commits = new Commits((positions) => this.send(positions));
  }

  /** Joins once. REFUSED where the group reads other topics; while the brokers are away the member joins when they are back. */
  async start(): Promise<void> {
    try {
      await this.join();
    } catch (thrown) {
      const error = kafkaError(thrown, 'join');
      if (!error.retryable && !joinsAgain(protocolType(thrown))) {
        await this.parts.coordinator.hangUp();
        throw error;
      }
      await this.recover(thrown);
    }
    this.running = this.run();
  }

  close(): Promise<void> {
    this.closing ??= this.leave();
    return this.closing;
  }

  private async leave(): Promise<void> {
    this.leaving = true;
    for (const [partition, holding] of this.holdings) this.drain(partition, holding);
    this.wake();
    await this.running;
    await this.parts.coordinator.hangUp();
    if (this.failure !== undefined) throw this.failure;
  }

  private async run(): Promise<void> {
    while (!(this.leaving && this.holdings.size === 0)) {
      try {
        if (this.membership === null || this.rejoin) await this.join();
        await this.reconcile();
        await this.rest(this.parts.settings.heartbeatMs);
        if (!this.rejoin) await this.beat();
        this.failed = 0;
        this.parts.trouble.clear(this.part());
      } catch (thrown) {
        await this.recover(thrown);
      }
    }
    this.settled();
    await this.sayGoodbye();
    this.parts.trouble.clear(this.part());
  }

  private async sayGoodbye(): Promise<void> {
    if (this.memberId === '') return;
    try {
      await this.parts.coordinator.leave(this.memberId);
    } catch {
      // The coordinator finds out by itself when the session's time is over.
    }
  }

  private async join(): Promise<void> {
    const { coordinator } = this.parts;
    // Who comes anew holds nothing any more.
    if (this.memberId === '') await this.drains();
    this.rejoin = false;
    const claims = { owned: [...this.holdings.keys()], leaving: this.leaving };
    const answered = new AbortController();
    const alive = Promise.all([this.beatBeside(answered.signal), this.fenceInTime(answered.signal)]);
    try {
      this.membership = await coordinator.join(this.memberId, claims, (sentAt) => this.heard(sentAt));
      this.memberId = this.membership.memberId;
    } catch (thrown) {
      this.rejoin = true;
      throw thrown;
    } finally {
      answered.abort();
      await alive;
    }
    this.settled();
  }

  /** The coordinator has answered what was sent then, so its session began later. */
  private heard(sentAt: MachineMs): void {
    this.aliveUntil = Math.max(this.aliveUntil, sentAt + this.parts.settings.sessionMs);
  }

  /**
   * A join waits for all members, and says nothing until then: whether it has arrived, or this member is known at all.
   * Heartbeats of the generation that is left tell that meanwhile. Other answers than these are the join's to give.
   */
  private async beatBeside(answered: AbortSignal): Promise<void> {
    const { kernel, settings, coordinator } = this.parts;
    const { membership } = this;
    if (membership === null) return;
    for (;;) {
      await kernel.clock.sleep(settings.heartbeatMs, answered);
      if (answered.aborted) return;
      const sentAt = kernel.clock.now();
      const beat = coordinator.beatBeside(membership).then(
        () => this.heard(sentAt),
        (thrown: unknown) => {
          if (protocolType(thrown) === rebalancing) this.heard(sentAt);
        },
      );
      await Promise.race([beat, aborted(answered)]);
    }
  }

  /** Fences the readers of a member that the coordinator may have given up, while nobody says so. */
  private async fenceInTime(answered: AbortSignal): Promise<void> {
    const { clock } = this.parts.kernel;
    while (this.memberId !== '' && !answered.aborted) {
      const left = this.aliveUntil - clock.now();
      if (left < 0) return this.fence();
      await clock.sleep(left + 1, answered);
    }
  }

  private async drains(): Promise<void> {
    await Promise.all([...this.holdings.values()].flatMap(({ drained }) => drained ?? []));
  }

  private async beat(): Promise<void> {
    const { kernel, coordinator } = this.parts;
    const { membership } = this;
    if (membership === null) return;
    const sentAt = kernel.clock.now();
    try {
      await coordinator.beat(membership);
    } catch (thrown) {
      if (protocolType(thrown) !== rebalancing) throw thrown;
      this.rejoin = true;
    }
    this.heard(sentAt);
  }

  /** Begins what was given and the drains of what was not. Runs again until all is begun. */
  private async reconcile(): Promise<void> {
    const { membership } = this;
    if (membership === null || this.rejoin) return;
    const given = new Set(membership.partitions);
    for (const [partition, holding] of this.holdings) if (!given.has(partition)) this.drain(partition, holding);
    for (const partition of given) {
      if (this.leaving || this.holdings.has(partition)) continue;
      const positions = await this.parts.coordinator.committed(partition);
      // The group may have gone on meanwhile.
      if (this.leaving || this.membership !== membership) return;
      this.begin(partition, positions);
    }
  }

  private begin(partition: number, positions: readonly Position[]): void {
    const holding: Holding = { readers: [], fenced: false, drained: null };
    const check = () => this.check(partition, holding);
    for (const [index, topic] of this.options.topics.entries()) {
      const save = (position: Position) => this.commits.commit(topic, partition, position);
      holding.readers.push(this.parts.openReader(topic, partition, positions[index] ?? 0, check, save));
    }
    this.holdings.set(partition, holding);
    try {
      this.options.onAssigned(partition, holding.readers);
    } catch (thrown) {
      this.failure ??= RelearnError.from(thrown);
    }
  }

  private check(partition: number, holding: Holding): void {
    if (!holding.fenced && this.parts.kernel.clock.now() > this.aliveUntil) {
      // A process that was halted wakes up here: others have the partition by now.
      this.fence();
      this.wake();
    }
    if (holding.fenced) {
      throw new RelearnError('FENCED', `partition ${partition} was given to another member of ${this.options.group}`);
    }
  }

  /** Lets the owner end what it has begun, for so long at most; then the partition is free. */
  private drain(partition: number, holding: Holding): void {
    holding.drained ??= (async () => {
      const { clock } = this.parts.kernel;
      const { drainMs } = this.parts.settings;
      let late: (error: RelearnError) => void = () => undefined;
      const expired = new Promise<never>((_, reject) => {
        late = reject;
      });
      const timer = clock.after(drainMs, () =>
        late(new RelearnError('DEADLINE_EXCEEDED', `the drain of partition ${partition} took more than ${drainMs} ms`)),
      );
      try {
        await Promise.race([this.options.onRevoked(partition), expired]);
      } catch (thrown) {
        this.failure ??= RelearnError.from(thrown);
      } finally {
        timer.cancel();
      }
      revoke(holding);
      this.holdings.delete(partition);
      this.rejoin = true;
      this.wake();
    })();
  }

  /** The partitions are others' from now on, whatever the drains still do. */
  private fence(): void {
    this.membership = null;
    this.memberId = '';
    for (const [partition, holding] of this.holdings) {
      revoke(holding);
      this.drain(partition, holding);
    }
    this.settled();
  }

  /** After a failure: whoever is no member any more begins anew; else the next round tries again. */
  private async recover(thrown: unknown): Promise<void> {
    const { kernel, trouble, here } = this.parts;
    const type = protocolType(thrown);
    if (type === rebalancing) {
      this.rejoin = true;
      return;
    }
    if (lostTypes.has(type)) return this.fence();
    if (kernel.clock.now() > this.aliveUntil) this.fence();
    this.failed += 1;
    const error = kafkaError(thrown, `group ${this.options.group}`);
    if (this.failed >= troublesome || !error.retryable) trouble.report(this.part(), error);
    const { signal } = this.nudge;
    await kernel.clock.sleep(retryMs * (0.5 + kernel.chance.next()), signal);
    await Promise.race([here(signal), this.expired(signal)]);
    this.calm();
  }

  /** Resolves when the session's time is over, so that the readers of a member without contact are fenced in time. */
  private async expired(signal: AbortSignal): Promise<void> {
    const { clock } = this.parts.kernel;
    if (this.memberId === '') return new Promise(() => undefined);
    await clock.sleep(Math.max(0, this.aliveUntil - clock.now()) + 1, signal);
  }

  private async send(positions: readonly PartitionPosition[]): Promise<(partition: number) => boolean> {
    for (;;) {
      const held = new Set(
        positions.map(({ partition }) => partition).filter((one) => this.holdings.get(one)?.fenced === false),
      );
      const owned = positions.filter(({ partition }) => held.has(partition));
      const { membership } = this;
      try {
        if (membership !== null && owned.length > 0) await this.parts.coordinator.commit(membership, owned);
        if (membership !== null || owned.length === 0) return (partition) => held.has(partition);
      } catch (thrown) {
        const type = protocolType(thrown);
        if (type !== 'REBALANCE_IN_PROGRESS' && !lostTypes.has(type)) throw thrown;
        // Either the group has moved on and this member with it, or it is no member any more: a heartbeat finds out.
        this.wake();
      }
      await this.changed(membership);
    }
  }

  /** Resolves when the membership is another than this one. */
  private async changed(from: Membership | null): Promise<void> {
    if (from === null ? this.membership !== null : this.membership !== from) return;
    await new Promise<void>((resolve) => this.settledWaiters.push(resolve));
  }

  private settled(): void {
    const waiters = this.settledWaiters;
    this.settledWaiters = [];
    for (const resolve of waiters) resolve();
  }

  private async rest(ms: number): Promise<void> {
    if (!this.rejoin) await this.parts.kernel.clock.sleep(ms, this.nudge.signal);
    this.calm();
  }

  private calm(): void {
    if (this.nudge.signal.aborted) this.nudge = new AbortController();
  }

  private wake(): void {
    this.nudge.abort();
  }

  private part(): string {
    return `group ${this.options.group}`;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => (signal.aborted ? resolve() : void onAbort(signal, resolve)));
}

function revoke(holding: Holding): void {
  holding.fenced = true;
  for (const reader of holding.readers) reader.wake();
}
