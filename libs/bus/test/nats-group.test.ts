import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Liveness } from '../src/nats/group/liveness.js';
import { beaten, emptyTable, type GroupTable, released, taken, targets, without } from '../src/nats/group/table.js';

const topics = ['flights'];

/** What a member does at its beat when all its drains end at once; `drain` false: it keeps what it should give back. */
function beat(table: GroupTable, id: string, { leaving = false, drain = true } = {}): GroupTable {
  const wanted = targets(table);
  const back = new Map<number, number>();
  for (const [partition, owner] of table.owners.entries()) {
    if (drain && owner?.member === id && (leaving || wanted[partition] !== id)) back.set(partition, owner.epoch);
  }
  const free = released(table, id, back);
  const holds = free.owners.some((owner) => owner?.member === id);
  if (leaving && !holds) return without(free, [id]);
  return taken(beaten(free, id, leaving), id, () => false, 0);
}

function countsOf(table: GroupTable): number[] {
  return table.members.map(({ id }) => table.owners.filter((owner) => owner?.member === id).length);
}

test('whoever comes, goes, drains slowly or dies: in the end each partition is one living member’s, evenly', () => {
  const step = fc.record({
    member: fc.nat(4),
    does: fc.constantFrom('beat', 'beat', 'beat without drain', 'leave', 'die'),
  });
  fc.assert(
    fc.property(fc.nat(12), fc.array(step, { maxLength: 60 }), (partitions, steps) => {
      let table = emptyTable(topics, partitions, 7);
      const epochs = new Set<number>();
      const follow = (next: GroupTable) => {
        for (const [partition, owner] of next.owners.entries()) {
          const before = table.owners[partition];
          if (owner === null || (before?.member === owner.member && before.epoch === owner.epoch)) continue;
          // Nobody takes what another one has not given back, and no epoch is given twice.
          expect(before).toBeNull();
          expect(epochs.has(owner.epoch)).toBe(false);
          epochs.add(owner.epoch);
        }
        table = next;
      };
      for (const { member, does } of steps) {
        const id = `m${member}`;
        if (does === 'die') follow(without(table, [id]));
        else if (does !== 'leave') follow(beat(table, id, { drain: does === 'beat' }));
        else if (table.members.some((known) => known.id === id)) follow(beat(table, id, { leaving: true }));
      }
      // A member that began to leave goes on leaving.
      for (let round = 0; round < 12; round++) {
        for (const { id, leaving } of table.members) follow(beat(table, id, { leaving }));
      }
      if (table.members.length === 0) return;
      const counts = countsOf(table);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(partitions);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }),
    { numRuns: 500 },
  );
});

test('when nobody comes or goes, nothing moves', () => {
  let table = emptyTable(topics, 8, 0);
  for (let round = 0; round < 6; round++) for (const id of ['a', 'b', 'c']) table = beat(table, id);
  const before = table.owners;
  for (let round = 0; round < 6; round++) for (const id of ['c', 'a', 'b']) table = beat(table, id);
  expect(table.owners).toEqual(before);
});

test('a partition that is still being drained here is not taken again, and epochs stay above the floor', () => {
  const table = taken(beaten(emptyTable(topics, 3, 5), 'a', false), 'a', (partition) => partition === 1, 40);
  expect(table.owners).toEqual([{ member: 'a', epoch: 41 }, null, { member: 'a', epoch: 42 }]);
  expect(table.epoch).toBe(42);
});

test('a release under an older epoch frees nothing', () => {
  const table = taken(beaten(emptyTable(topics, 1, 5), 'a', false), 'a', () => false, 0);
  expect(released(table, 'a', new Map([[0, 5]]))).toEqual(table);
  expect(released(table, 'a', new Map([[0, 6]])).owners).toEqual([null]);
});

test('a member is dead when it has not moved for the lease’s duration before the watcher’s eyes', () => {
  const liveness = new Liveness(1_000);
  const at = (now: number, ...beats: [string, number][]) =>
    liveness.look(
      beats.map(([id, beat]) => ({ id, beat, leaving: false })),
      now,
    );
  expect(at(0, ['a', 1], ['b', 1])).toEqual([]);
  expect(at(400, ['a', 2], ['b', 1])).toEqual([]);
  expect(at(800, ['a', 3], ['b', 1])).toEqual([]);
  expect(at(1_000, ['a', 4], ['b', 1])).toEqual(['b']);
  // It comes back under its name: it begins anew.
  expect(at(1_100, ['a', 5])).toEqual([]);
  expect(at(1_200, ['a', 6], ['b', 1])).toEqual([]);
  expect(at(1_600, ['a', 6], ['b', 1])).toEqual([]);
  // The watcher could not look for a while: what it missed speaks against nobody.
  expect(at(9_000, ['a', 6], ['b', 1])).toEqual([]);
  expect(at(9_400, ['a', 6], ['b', 2])).toEqual([]);
  expect(at(9_800, ['a', 6], ['b', 2])).toEqual([]);
  expect(at(10_000, ['a', 6], ['b', 2])).toEqual(['a']);
});
