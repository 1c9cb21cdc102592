import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Bag, type BagEntry, type Numbered, NumberedTable } from '../src/passing.js';

/** Numbers that grow, some left out; and which of those that are there go after each. */
const passage = fc.array(fc.record({ skipped: fc.nat(200), gone: fc.array(fc.nat(), { maxLength: 3 }) }), {
  maxLength: 400,
});

test('given values that come and go, then a table holds what a Map would', () => {
  fc.assert(
    fc.property(passage, (steps) => {
      const table = new NumberedTable<Numbered>();
      const expected = new Map<number, Numbered>();
      let id = 0;
      for (const { skipped, gone } of steps) {
        id += 1 + skipped;
        const value = { id };
        table.add(value);
        expected.set(id, value);
        for (const choice of gone) {
          const other = [...expected.keys()][choice % Math.max(1, expected.size)] ?? -1;
          table.delete(other);
          expected.delete(other);
          expect(table.get(other)).toBeUndefined();
        }
        expect(table.size).toBe(expected.size);
        for (const [number, held] of expected) expect(table.get(number)).toBe(held);
        expect(new Set(table.all)).toEqual(new Set(expected.values()));
      }
    }),
  );
});

test('given values that come and go, then a bag holds what a Set would', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(), { maxLength: 3 }), { maxLength: 100 }), (steps) => {
      const bag = new Bag<number>();
      const entries: BagEntry<number>[] = [];
      const expected = new Set<number>();
      for (const [value, gone] of steps.entries()) {
        entries.push(bag.add(value));
        expected.add(value);
        for (const choice of gone) {
          const entry = entries[choice % entries.length];
          if (entry === undefined) continue;
          bag.delete(entry);
          expected.delete(entry.value);
        }
        expect(bag.all.map((entry) => entry.value).toSorted((a, b) => a - b)).toEqual([...expected]);
      }
    }),
  );
});

const mebibyte = 1 << 20;

function oldBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? 0;
}

test('given a heap that was collected, when values pass through, then none of them gets old', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const table = new NumberedTable<Numbered & { body: number[] }>();
  const pass = (from: number, to: number) => {
    for (let id = from; id < to; id++) {
      table.add({ id, body: new Array<number>(100).fill(id) });
      table.delete(id - 32);
    }
  };
  pass(1, 1_001);
  collect();
  const before = oldBytes();

  pass(1_001, 51_001);

  // Through a Map 11 MiB get old.
  expect((oldBytes() - before) / mebibyte).toBeLessThan(4);
});
