import type { Clock, MachineMs, Timer } from '@relearn/kernel';

/** What is over when its time is. */
export interface Expiring {
  readonly deadline: MachineMs;
  /** Where it waits; of no use to others. */
  place: number | undefined;
  /** Nobody waits for it any more. */
  readonly gone: boolean;
  expire(): void;
}

/** Those who left are forgotten after so long at the latest. */
const longestMs = 10_000;

/** One timer for the deadlines of all calls, set for the earliest: most calls are answered long before theirs. */
export class Deadlines {
  private readonly clock: Clock;
  /** No Set, through which all calls pass: see `StreamTable`. */
  private readonly waiting: Expiring[] = [];
  private timer: Timer | undefined;
  /** When the timer fires. */
  private due: MachineMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  add(one: Expiring): void {
    one.place = this.waiting.push(one) - 1;
    if (one.deadline < this.due) this.look(one.deadline);
  }

  delete(one: Expiring): void {
    if (one.place === undefined) return;
    const last = this.waiting.pop();
    if (last !== undefined && last !== one) {
      last.place = one.place;
      this.waiting[one.place] = last;
    }
    one.place = undefined;
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
    for (const one of [...this.waiting]) {
      if (one.gone || one.deadline <= now) {
        this.delete(one);
        if (!one.gone) one.expire();
      } else next = Math.min(next, one.deadline);
    }
    if (next < this.due) this.look(next);
  }
}
