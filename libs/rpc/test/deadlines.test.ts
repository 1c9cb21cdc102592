import { type Clock, systemClock } from '@relearn/kernel';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Deadlines } from '../src/grpc/http2/deadlines.js';

/** Time that goes on when a timer is waited for. */
class HandClock {
  now = 0;
  timers: { readonly at: number; readonly callback: () => void }[] = [];
  readonly clock: Clock = {
    ...systemClock,
    now: () => this.now,
    after: (ms, callback) => {
      const timer = { at: this.now + ms, callback };
      this.timers.push(timer);
      return { cancel: () => void (this.timers = this.timers.filter((other) => other !== timer)) };
    },
  };

  /** Lets the next timer fire; false where there is none. */
  fire(): boolean {
    const next = this.timers.toSorted((one, other) => one.at - other.at)[0];
    if (next === undefined) return false;
    this.timers = this.timers.filter((other) => other !== next);
    this.now = next.at;
    next.callback();
    return true;
  }
}

const call = fc.record({
  timeoutMs: fc.integer({ min: 0, max: 100_000 }),
  end: fc.constantFrom('answered', 'left', 'waits'),
});

describe('deadlines', () => {
  test('given calls, when time goes on, then each that still waits ends at its own and no other does', () => {
    const end = (calls: readonly { timeoutMs: number; end: string }[]) => {
      const hand = new HandClock();
      const deadlines = new Deadlines(hand.clock);
      const ended = new Map<number, number>();
      const most: number[] = [];
      for (const [at, { timeoutMs, end }] of calls.entries()) {
        const expire = () => void ended.set(at, hand.now);
        const entry = deadlines.add({ deadline: timeoutMs, gone: end === 'left', expire });
        if (end === 'answered') deadlines.delete(entry);
        most.push(hand.timers.length);
      }

      while (hand.fire()) most.push(hand.timers.length);

      const waited = calls.flatMap(({ timeoutMs, end }, at) => (end === 'waits' ? [[at, timeoutMs] as const] : []));
      expect(ended).toEqual(new Map(waited));
      expect(Math.max(0, ...most)).toBeLessThanOrEqual(1);
    };

    fc.assert(fc.property(fc.array(call), end));
  });
});
