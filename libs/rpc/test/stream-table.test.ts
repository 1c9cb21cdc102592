import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Numbered, StreamTable } from '../src/grpc/http2/protocol/stream-table.js';

/** A client's numbers: each greater than those before, some left out; and which of those that are there end after each. */
const passage = fc.array(fc.record({ skipped: fc.nat(200), ended: fc.array(fc.nat(), { maxLength: 3 }) }), {
  maxLength: 400,
});

test('given streams that come and go, then it holds what a Map would', () => {
  fc.assert(
    fc.property(passage, (steps) => {
      const table = new StreamTable<Numbered>();
      const expected = new Map<number, Numbered>();
      let id = -1;
      for (const { skipped, ended } of steps) {
        id += 2 + 2 * skipped;
        const stream = { id };
        table.add(stream);
        expected.set(id, stream);
        for (const choice of ended) {
          const gone = [...expected.keys()][choice % Math.max(1, expected.size)] ?? -1;
          table.delete(gone);
          expected.delete(gone);
          expect(table.get(gone)).toBeUndefined();
        }
        expect(table.size).toBe(expected.size);
        for (const [number, held] of expected) expect(table.get(number)).toBe(held);
        expect(new Set(table)).toEqual(new Set(expected.values()));
      }
    }),
  );
});

const mebibyte = 1 << 20;

function oldBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? 0;
}

test('given a heap that was collected, when streams pass through, then none of them gets old', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const table = new StreamTable<Numbered & { body: number[] }>();
  const pass = (from: number, to: number) => {
    for (let id = from; id < to; id += 2) {
      table.add({ id, body: new Array<number>(100).fill(id) });
      table.delete(id - 64);
    }
  };
  pass(1, 1_001);
  collect();
  const before = oldBytes();

  pass(1_001, 101_001);

  // Through a Map 11 MiB get old.
  expect((oldBytes() - before) / mebibyte).toBeLessThan(4);
});
