import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExtremeQueue } from '../src/state/extreme-queue.js';

describe('the queue of extremes', () => {
  it('given an entry from before what was dropped, then it stays out', () => {
    const queue = new ExtremeQueue();
    queue.insert(10, 1);
    expect(queue.greatestSince(5)).toBe(1);
    queue.insert(3, 9);
    expect(queue.greatestSince(5)).toBe(1);
  });

  it('gives the greatest value of every window that it still reaches', () => {
    const operation = fc.record({
      time: fc.nat(30),
      value: fc.integer({ min: -5, max: 5 }),
      asks: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 80, size: 'max' }), (operations) => {
        const queue = new ExtremeQueue();
        const entries: { time: number; value: number }[] = [];
        let floor = Number.NEGATIVE_INFINITY;
        operations.forEach(({ time, value, asks }, index) => {
          const moved = time + index / 2;
          if (!asks) {
            queue.insert(moved, value);
            entries.push({ time: moved, value });
            return;
          }
          expect(queue.reaches(moved)).toBe(moved >= floor);
          if (moved < floor) return;
          floor = moved;
          const within = entries.filter((entry) => entry.time >= moved).map((entry) => entry.value);
          expect(queue.greatestSince(moved)).toBe(within.length === 0 ? null : Math.max(...within));
        });
      }),
      { numRuns: 500 },
    );
  });
});
