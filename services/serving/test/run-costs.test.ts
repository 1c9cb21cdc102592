import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Recent } from '../src/inference/worker/run-costs.js';

test('the median is that of the last 32, once there are eight', () => {
  const ms = fc.oneof(fc.constantFrom(0, 1, 2.5), fc.double({ min: 0, max: 9, noNaN: true }));
  fc.assert(
    fc.property(fc.array(ms, { maxLength: 90 }), (all) => {
      const recent = new Recent();
      for (const [at, one] of all.entries()) {
        recent.add(one);
        const last = all.slice(Math.max(0, at - 31), at + 1).sort((a, b) => a - b);
        expect(recent.median).toBe(last.length < 8 ? undefined : last[last.length >> 1]);
      }
    }),
  );
});
