import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assign, type MemberClaim } from '../src/kafka/assignment.js';

const partitions = 8;

/** Members who hold what they may: each partition is one's at most. */
const group = fc
  .record({
    owners: fc.array(fc.option(fc.nat(4)), { minLength: partitions, maxLength: partitions }),
    leaving: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
    present: fc.subarray([0, 1, 2, 3, 4], { minLength: 1 }),
  })
  .map(({ owners, leaving, present }): MemberClaim[] =>
    present.map((member) => ({
      memberId: `m${member}`,
      owned: owners.flatMap((owner, partition) => (owner === member ? [partition] : [])),
      leaving: leaving[member] ?? false,
    })),
  );

test('nobody gets what another member still holds, and nobody who leaves gets anything', () => {
  fc.assert(
    fc.property(group, (claims) => {
      const assigned = assign(claims, partitions);
      const all = [...assigned.values()].flat();
      expect(new Set(all).size).toBe(all.length);
      for (const { memberId, owned, leaving } of claims) {
        for (const partition of owned) {
          for (const other of claims) {
            if (other.memberId !== memberId) expect(assigned.get(other.memberId)).not.toContain(partition);
          }
        }
        if (leaving) expect(assigned.get(memberId)).toEqual([]);
      }
    }),
  );
});

test('after so many rounds as there are drains, all is shared evenly among those who stay', () => {
  fc.assert(
    fc.property(group, (start) => {
      let claims = start;
      // What a member does not get it drains and holds no more when it joins again; what it gets it holds.
      for (let round = 0; round < 3; round++) {
        const assigned = assign(claims, partitions);
        claims = claims.map((claim) => ({ ...claim, owned: assigned.get(claim.memberId) ?? [] }));
      }
      const staying = claims.filter(({ leaving }) => !leaving);
      const counts = staying.map(({ owned }) => owned.length);
      if (staying.length === 0) return;
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(partitions);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      expect(assign(claims, partitions)).toEqual(new Map(claims.map(({ memberId, owned }) => [memberId, [...owned]])));
    }),
  );
});
