import { Bag, type BagEntry, type Clock, type MachineMs, type Timer } from '@relearn/kernel';

/** What is over when its time is. */
export interface Expiring {
  readonly deadline: MachineMs;
  /** Nobody waits for it any more. */
  readonly gone: boolean;
  expire(): void;
}

/** Those who left are forgotten after so long at the latest. */
const longestMs = 10_000;

/** One timer for the deadlines of all calls, set for the earliest: most calls are answered long before theirs. */
export class Deadlines {
  private readonly clock: Clock;
  private readonly waiting = new Bag<Expiring>();
  private timer: Timer | undefined;
  /** When the timer fires. */
  private due: MachineMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  add(one: Expiring): BagEntry<Expiring> {
    if (one.deadline < this.due) this.look(one.deadline);
    return this.waiting.add(one);
  }

  delete(entry: BagEntry<Expiring>): void {
    this.waiting.delete(entry);
  }

  stop(): void {
    this.timer?.cancel();
  }

  private look(at: MachineMs): void {
    const now = this.clock.now();
    this.timer?.cancel();
    this.due = Math.min(at, now + longestMs);
    this.timer = this.clock.after(Math.max(0, this.due - now), () => this.expire());
  }

  private expire(): void {
    const now = this.clock.now();
    this.due = Number.POSITIVE_INFINITY;
    let next = Number.POSITIVE_INFINITY;
    for (const entry of this.waiting.all) {
      const { value: one } = entry;
      if (one.gone || one.deadline <= now) {
        this.waiting.delete(entry);
        if (!one.gone) one.expire();
      } else next = Math.min(next, one.deadline);
    }
    if (next < this.due) this.look(next);
  }
}
