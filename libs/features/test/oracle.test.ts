import type { FeatureSpec } from '@relearn/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFeatureEngine, type FeatureRows } from '../src/index.js';
import { expectedOf } from './oracle.js';
import { applyAll, batchOf, clock, label, pipelineOf, price, row, type TestRecord } from './pipeline.js';

const kinds = ['count', 'sum', 'mean', 'min', 'max', 'std', 'distinct', 'last', 'rate'] as const;

function aggregatesOf(of: string, by: string[], window: number): FeatureSpec[] {
  return kinds.map((aggregate) => ({
    name: `${aggregate}_${of}_${by.join('_')}_${window}`,
    type: 'number',
    aggregate,
    of,
    by,
    window,
  }));
}

const features: FeatureSpec[] = [
  { name: 'shop', type: 'category', column: 'shop' },
  ...aggregatesOf('amount', ['shop'], 7),
  ...aggregatesOf('amount', ['shop'], 20),
  ...aggregatesOf('amount', [], 12),
  ...aggregatesOf('label', ['shop'], 9),
  ...aggregatesOf('label', ['shop', 'till'], 25),
  { name: 'rows_3', type: 'number', aggregate: 'count', by: ['till'], window: 3 },
  { name: 'shops', type: 'number', aggregate: 'distinct', of: 'shop', by: [], window: 10 },
  { name: 'last_shop', type: 'category', aggregate: 'last', of: 'shop', by: ['till'], window: 10 },
  { name: 'lag_1', type: 'number', lag: 1, of: 'amount', by: ['shop'] },
  { name: 'lag_3', type: 'number', lag: 3, of: 'till', by: ['shop'] },
  { name: 'lag_shop', type: 'category', lag: 2, of: 'shop', by: [] },
  { name: 'price_5', type: 'number', join: 'prices', column: 'price', on: { shop: 'shop' }, max_age: 5 },
  { name: 'price_30', type: 'number', join: 'prices', column: 'price', on: { shop: 'shop' }, max_age: 30 },
  { name: 'any_price', type: 'number', join: 'prices', column: 'price', on: {}, max_age: 8 },
];

const amount = fc.constantFrom(0.1, 0.2, 0.3, 1e16, -1e16, 3, -3, 1 / 3, null);
const shop = fc.constantFrom('a', 'b', null);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('row' as const), shop, till: fc.constantFrom(1, 2), amount }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('label' as const), of: fc.nat(12), value: amount }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('price' as const), shop, value: fc.constantFrom(1, 2, 3, null) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clock' as const) }) },
);

/** Records whose times mostly rise, stand still often, and sometimes fall back by up to `disorder`. */
function recordsOf(disorder: number): fc.Arbitrary<TestRecord[]> {
  const move = fc.tuple(fc.constantFrom(0, 0, 1, 1, 2, 6), fc.integer({ min: 0, max: disorder }), fc.nat(2));
  return fc.array(fc.tuple(step, move), { minLength: 1, maxLength: 60, size: 'max' }).map((steps) => {
    let now = 0;
    let rows = 0;
    return steps.map(([what, [ahead, back, chance]]) => {
      now += ahead;
      const time = chance === 0 ? now - back : now;
      if (what.kind === 'clock') return clock(time);
      if (what.kind === 'price') return price(what.shop, time, what.value);
      if (what.kind === 'label') return label(`r${Math.max(0, rows - what.of)}`, time, what.value);
      rows += 1;
      // Every ninth row comes again under the id of one before it.
      const id = rows % 9 === 0 ? rows - 2 : rows;
      return row(`r${id}`, time, { shop: what.shop, till: what.till, amount: what.amount });
    });
  });
}

const shards = fc
  .constantFrom(0, 4, 15)
  .chain((lateness) =>
    fc.tuple(
      fc.constant(pipelineOf({ features, lateness, task: 'regression', label: { max_delay: 18 } })),
      fc.constantFrom(0, 5, 25).chain(recordsOf),
    ),
  );

function rowsOf(output: FeatureRows): Record<string, unknown>[] {
  const columns = Object.entries(output.columns);
  return output.ids.map((_, index) => Object.fromEntries(columns.map(([name, cells]) => [name, cells[index]])));
}

/** Far quicker than comparing element by element. */
function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

describe('the engine against brute force', () => {
  it('gives bit for bit what follows from the records before each row', () => {
    fc.assert(
      fc.property(shards, ([spec, records]) => {
        const engine = createFeatureEngine(spec);
        const output = applyAll(engine, records);
        const expected = expectedOf(spec, records);
        expect(rowsOf(output)).toEqual(expected.rows);
        expect(output.labels.map(({ late }) => late)).toEqual(expected.late);
        expect(engine.lateRows).toBe(expected.lateRows);
      }),
      { numRuns: 250 },
    );
  });

  it('gives the same after a restart from its saved state at every record, and equal bytes of state', () => {
    fc.assert(
      fc.property(shards, ([spec, records]) => {
        const straight = createFeatureEngine(spec);
        const whole = applyAll(straight, records);
        const batch = batchOf(records);
        const addresses = records.map((_, index) => index);
        let saved: Uint8Array | undefined;
        const rows: unknown[] = [];
        const labels: unknown[] = [];
        for (let index = 0; index < records.length; index++) {
          const engine = createFeatureEngine(spec, saved);
          const part = engine.apply(batch, addresses, index, index + 1);
          rows.push(...rowsOf(part));
          labels.push(...part.labels);
          saved = engine.save();
          expect(sameBytes(createFeatureEngine(spec, saved).save(), saved)).toBe(true);
        }
        expect(rows).toEqual(rowsOf(whole));
        expect(labels).toEqual(whole.labels);
        expect(saved !== undefined && sameBytes(saved, straight.save())).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('gives the same however the records are cut into batches, saved or read online in between', () => {
    const cuts = fc.array(fc.tuple(fc.nat(60), fc.boolean(), fc.boolean()), { maxLength: 6, size: 'max' });
    fc.assert(
      fc.property(shards, cuts, ([spec, records], places) => {
        const straight = createFeatureEngine(spec);
        const whole = applyAll(straight, records);
        const engine = createFeatureEngine(spec);
        const parts: FeatureRows[] = [];
        let from = 0;
        const ends = [...places].sort(([a], [b]) => a - b);
        for (const [end, saves, reads] of [...ends, [records.length, false, false] as const]) {
          const to = Math.min(records.length, Math.max(end, from));
          parts.push(applyAll(engine, records.slice(from, to), from));
          if (saves) engine.save();
          if (reads) engine.online({ shop: 'a', till: 1 });
          from = to;
        }
        expect(parts.flatMap(rowsOf)).toEqual(rowsOf(whole));
        expect(parts.flatMap(({ at }) => at)).toEqual(whole.at);
        expect(sameBytes(engine.save(), straight.save())).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('reads online what a row at the watermark would get', () => {
    fc.assert(
      fc.property(shards, shop, ([spec, records], name) => {
        const engine = createFeatureEngine(spec);
        applyAll(engine, records);
        const keys = { shop: name, till: 1 };
        const online = engine.online(keys);
        const next = rowsOf(applyAll(engine, [row('next', engine.watermark(), keys)], records.length));
        expect(online).toEqual({ ...next[0], shop: null });
      }),
      { numRuns: 200 },
    );
  });
});
