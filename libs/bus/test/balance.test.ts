import fc from 'fast-check';
import { expect, test } from 'vitest';
import { balance } from '../src/core/balance.js';

const owners = fc.array(fc.option(fc.integer({ min: 0, max: 6 })), { maxLength: 40 });
const members = fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { maxLength: 7 });

test('every partition has a member, and shares differ by one at most', () => {
  fc.assert(
    fc.property(owners, members, (before, present) => {
      const after = balance(before, present);
      fc.pre(present.length > 0);
      expect(after).toHaveLength(before.length);
      const shares = present.map((member) => after.filter((owner) => owner === member).length);
      expect(shares.reduce((sum, share) => sum + share, 0)).toBe(before.length);
      expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
    }),
  );
});

test('without members nobody has anything', () => {
  expect(balance([1, null, 2], [])).toEqual([null, null, null]);
});

test('no more partitions move than the shares need', () => {
  fc.assert(
    fc.property(owners, members, (before, present) => {
      fc.pre(present.length > 0);
      const after = balance(before, present);
      const kept = after.filter((owner, partition) => owner === before[partition]).length;
      const held = present.map((member) => before.filter((owner) => owner === member).length).sort((a, b) => b - a);
      const least = Math.floor(before.length / present.length);
      const most = held.reduce(
        (sum, count, rank) => sum + Math.min(count, least + (rank < before.length % present.length ? 1 : 0)),
        0,
      );
      expect(kept).toBe(most);
    }),
  );
});

test('what is balanced stays as it is', () => {
  fc.assert(
    fc.property(owners, members, (before, present) => {
      const after = balance(before, present);
      expect(balance(after, present)).toEqual(after);
    }),
  );
});
