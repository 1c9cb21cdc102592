import type { Cell, FeatureSpec } from '@relearn/contracts';
import { describe, expect, it } from 'vitest';
import { createFeatureEngine, featureSetHash } from '../src/index.js';
import { applyAll, batchOf, clock, type Given, label, pipelineOf, price, row, type TestRecord } from './pipeline.js';

const mean = (of: string, window: number): FeatureSpec => ({
  name: 'mean',
  type: 'number',
  aggregate: 'mean',
  of,
  by: ['shop'],
  window,
});
const join: FeatureSpec = {
  name: 'price',
  type: 'number',
  join: 'prices',
  column: 'price',
  on: { shop: 'shop' },
  max_age: 10,
};

/** Values of the only feature, row by row. */
function valuesOf(feature: FeatureSpec, records: readonly TestRecord[], more: Partial<Given> = {}): Cell[] {
  const engine = createFeatureEngine(pipelineOf({ ...more, features: [feature] }));
  return applyAll(engine, records).columns[feature.name] ?? [];
}

const at = (time: number, amount: Cell = null, shop: Cell = 'a') => row(`${shop}${time}`, time, { shop, amount });

describe('columns and expressions', () => {
  it.each<[string, FeatureSpec, Record<string, Cell>, Cell]>([
    ['a number', { name: 'f', type: 'number', column: 'amount' }, { amount: 1.5 }, 1.5],
    ['a boolean as a number', { name: 'f', type: 'number', column: 'paid' }, { paid: true }, 1],
    ['a boolean as a category', { name: 'f', type: 'category', column: 'paid' }, { paid: true }, 'true'],
    ['a number as a category', { name: 'f', type: 'category', column: 'till' }, { till: 7 }, '7'],
    ['a missing column', { name: 'f', type: 'number', column: 'amount' }, {}, null],
    ['an ISO time', { name: 'f', type: 'number', column: 'due' }, { due: '1970-01-01T00:00:01Z' }, 1000],
    ['the event time', { name: 'f', type: 'number', expression: 'minute(time)' }, {}, 2],
    ['an infinite column', { name: 'f', type: 'number', column: 'amount' }, { amount: Number.POSITIVE_INFINITY }, null],
    ['a condition', { name: 'f', type: 'number', expression: 'amount > 1' }, { amount: 2 }, 1],
    [
      'a time difference',
      { name: 'f', type: 'number', expression: 'due - time' },
      { due: '1970-01-01T00:03Z' },
      60_000,
    ],
  ])('%s', (_, feature, values, expected) => {
    expect(valuesOf(feature, [row('r', 120_000, values)])).toEqual([expected]);
  });
});

describe('windows over rows', () => {
  it('given earlier rows with the same key, when a row comes, then it sees both ends of the window but not itself', () => {
    const records = [at(0, 1), at(1, 100, 'b'), at(4, 3), at(10, 50), at(15, 7)];
    expect(valuesOf(mean('amount', 10), records)).toEqual([null, null, 1, 2, 50]);
    expect(valuesOf(mean('amount', 11), records)).toEqual([null, null, 1, 2, 26.5]);
  });

  it('given two rows at one time, when the second comes, then it sees the first', () => {
    expect(valuesOf(mean('amount', 5), [at(3, 8), row('second', 3, { shop: 'a', amount: 1 })])).toEqual([null, 8]);
  });

  it('given a row that comes out of order within the lateness, then it sees only what lies before its own time', () => {
    const records = [at(0, 1), at(10, 5), at(6, 3), at(11, 0)];
    expect(valuesOf(mean('amount', 20), records, { lateness: 10 })).toEqual([null, 1, 1, 3]);
  });

  it('given a late row, then it is computed from what the watermark has left, counted, and seen by later rows', () => {
    const engine = createFeatureEngine(pipelineOf({ features: [mean('amount', 10)] }));
    const rows = applyAll(engine, [at(0, 1), at(15, 2), at(20, 4), at(16, 8), at(21, 0)]);
    expect(rows.columns.mean).toEqual([null, null, 2, 2, 14 / 3]);
    expect(engine.lateRows).toBe(1);
    expect(engine.watermark()).toBe(21);
  });

  it('given a row without a key, then it has no window and is in none', () => {
    const count: FeatureSpec = { name: 'n', type: 'number', aggregate: 'count', by: ['shop'], window: 10 };
    expect(valuesOf(count, [at(0), at(1, 1, null), at(2, 1, null), at(3)])).toEqual([0, null, null, 1]);
  });

  it('given nulls and values beyond bounds, then they are not in the window of their column', () => {
    const count: FeatureSpec = { name: 'n', type: 'number', aggregate: 'count', of: 'amount', by: [], window: 10 };
    expect(valuesOf(count, [at(0, 1), at(1, null), at(2, 1e300), at(3, 2), at(4)])).toEqual([0, 1, 1, 1, 2]);
  });

  it('given an hour with 9 rows, then the rate is 9 rows in 3600 seconds', () => {
    const rate: FeatureSpec = { name: 'r', type: 'number', aggregate: 'rate', by: [], window: 3_600_000 };
    const records = Array.from({ length: 10 }, (_, index) => at(index * 1000));
    expect(valuesOf(rate, records).at(-1)).toBe(9 / 3600);
  });
});

describe('windows over labels', () => {
  const labelled = [at(0), at(1), label('a0', 5, 1), at(5), label('a1', 8, 0), at(9), at(20)];

  it('given labels, when a row comes, then it sees those known by then, by the time they became known', () => {
    expect(valuesOf(mean('label', 10), labelled)).toEqual([null, null, 1, 0.5, null]);
  });

  it('given booleans or two class names, then the second class counts as 1', () => {
    const texts = labelled.map((record) =>
      record.stream === 'labels'
        ? { ...record, values: { ...record.values, value: record.values.value === 1 ? 'bad' : 'good' } }
        : record,
    );
    const spec: Partial<Given> = {
      columns: { verdict: { type: 'category', nullable: true } },
      label: { column: 'verdict', classes: ['good', 'bad'] },
    };
    expect(valuesOf(mean('label', 10), texts, spec)).toEqual([null, null, 1, 0.5, null]);
    const flags = [at(0), at(1), label('a0', 5, true), at(5), label('a1', 8, false), at(9)];
    expect(valuesOf(mean('label', 10), flags)).toEqual([null, null, 1, 0.5]);
  });

  it('given a label later than its maximum delay, a second one, or one without a row, then it is late and not used', () => {
    const spec = pipelineOf({ features: [mean('label', 100)], label: { max_delay: 10 } });
    const engine = createFeatureEngine(spec);
    const rows = applyAll(engine, [
      at(0),
      at(1),
      label('a0', 10, 1),
      label('a0', 10, 0),
      label('unknown', 10, 0),
      label('a1', 12, 0),
      at(13),
    ]);
    expect(rows.labels.map(({ eventId, late }) => [eventId, late])).toEqual([
      ['a0', false],
      ['a0', true],
      ['unknown', true],
      ['a1', true],
    ]);
    expect(rows.columns.mean).toEqual([null, null, 1]);
  });

  it('given a label without a value, then it is passed on and the row goes on waiting', () => {
    const engine = createFeatureEngine(pipelineOf({ features: [mean('label', 100)] }));
    const rows = applyAll(engine, [at(0), label('a0', 1, null), at(2), label('a0', 3, 1), at(4)]);
    expect(rows.labels).toEqual([
      { eventId: 'a0', value: null, time: 1, at: 1, late: false },
      { eventId: 'a0', value: 1, time: 3, at: 3, late: false },
    ]);
    expect(rows.columns.mean).toEqual([null, null, 1]);
  });
});

describe('lags', () => {
  it('given earlier rows with the same key, then the value so many rows before is taken, null or not', () => {
    const lag: FeatureSpec = { name: 'lag', type: 'number', lag: 2, of: 'amount', by: ['shop'] };
    const records = [at(0, 1), at(1, null), at(2, 5, 'b'), at(3, 3), at(4, 4), at(1000, 5)];
    expect(valuesOf(lag, records)).toEqual([null, null, null, 1, null, 3]);
  });
});

describe('joins', () => {
  it('given records known before, then the latest by event time not older than max_age is taken', () => {
    const records = [at(0), price('a', 1, 10), price('b', 2, 99), at(3), price('a', 4, 20), at(4), at(14), at(15)];
    expect(valuesOf(join, records)).toEqual([null, 10, 20, 20, null]);
  });

  it('given an older record that comes later, then the newer one stays; at equal times the later arrival wins', () => {
    const records = [price('a', 5, 10), price('a', 3, 20), at(6), price('a', 5, 30), at(7)];
    expect(valuesOf(join, records)).toEqual([10, 30]);
  });

  it('given a null in the newest record, then the feature is null, not what the record before said', () => {
    expect(valuesOf(join, [price('a', 1, 10), price('a', 2, null), at(3)])).toEqual([null]);
  });

  it('given a record from after an out-of-order row, then the row gets the one before it', () => {
    const records = [price('a', 1, 10), price('a', 8, 20), at(9), at(5)];
    expect(valuesOf(join, records, { lateness: 10 })).toEqual([20, 10]);
    expect(valuesOf(join, records, { lateness: 0 })).toEqual([20, null]);
  });

  it('given keys of which a part is null, then nothing joins', () => {
    expect(valuesOf(join, [price(null, 1, 10), at(2, 0, null)])).toEqual([null]);
  });
});

describe('the engine', () => {
  const spec = pipelineOf({ features: [mean('amount', 10), join], lateness: 2 });

  it('given any record, then the watermark follows the greatest time less the lateness', () => {
    const engine = createFeatureEngine(spec);
    expect(engine.watermark()).toBe(Number.NEGATIVE_INFINITY);
    const marks = [at(10), price('a', 11, 1), label('a10', 13, 1), clock(20), at(12)].map((record, index) => {
      applyAll(engine, [record], index);
      return engine.watermark();
    });
    expect(marks).toEqual([8, 9, 11, 18, 18]);
    expect(engine.lateRows).toBe(1);
  });

  it('given time that passes, then what no window reaches leaves the state', () => {
    const engine = createFeatureEngine(spec);
    applyAll(engine, [clock(100_000)]);
    const empty = engine.save().length;
    const busy = createFeatureEngine(spec);
    applyAll(
      busy,
      Array.from({ length: 500 }, (_, index) => at(index, index, `s${index}`)),
    );
    applyAll(busy, [price('a', 499, 1), clock(100_000)], 500);
    expect(busy.save().length).toBe(empty);
  });

  it('given a slice of a batch, then only its records are taken, with their own addresses', () => {
    const engine = createFeatureEngine(spec);
    const batch = batchOf([at(0, 1), price('a', 0, 3), at(1, 2), label('a0', 2, 1), at(3, 3)]);
    const rows = engine.apply(batch, [10, 11, 12, 13, 14], 1, 4);
    expect(rows).toEqual({
      ids: ['a1'],
      times: [1],
      at: [12],
      columns: { mean: [null], price: [3] },
      labels: [{ eventId: 'a0', value: 1, time: 2, at: 13, late: true }],
    });
  });

  it('given a malformed batch, then it says which record and changes nothing', () => {
    const engine = createFeatureEngine(spec);
    const before = engine.save();
    const good = batchOf([at(0, 1), label('a0', 1, 1)]);
    const nameless = { ...label('x', 1, 1), values: { value: 1 } };
    expect(() => engine.apply(batchOf([at(0), nameless]), [0, 1])).toThrow(/record 1 .* label without event_id/);
    expect(() => engine.apply({ ...good, order: [0, 1, 1] }, [0, 1, 2])).toThrow(/record 2 .* has no id/);
    expect(() => engine.apply({ ...good, order: [0, 7] }, [0, 1])).toThrow(/record 1 .* in no section/);
    expect(() => engine.apply(batchOf([at(Number.NaN)]), [0])).toThrow(/record 0 .* no event time/);
    expect(() => engine.apply(good, [0])).toThrow(/record 1 .* no address/);
    expect(() => engine.apply(good, [0, 1], 0, 3)).toThrow(/not all in a batch of 2/);
    expect(engine.save()).toEqual(before);
  });

  it('given a state of another feature set or damaged bytes, then it refuses them', () => {
    const saved = createFeatureEngine(spec).save();
    const other = pipelineOf({ features: [mean('amount', 11), join], lateness: 2 });
    expect(() => createFeatureEngine(other, saved)).toThrow(expect.objectContaining({ code: 'REFUSED' }));
    for (const bytes of [saved.subarray(0, 8), saved.subarray(0, saved.length - 8), new Uint8Array(16).fill(9)]) {
      expect(() => createFeatureEngine(spec, bytes)).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
    }
  });

  it('given keys that UTF-8 cannot hold, then they survive a restart', () => {
    const engine = createFeatureEngine(spec);
    applyAll(engine, [at(0, 4, '\ud800'), at(0, 9, '\udfff')]);
    const again = createFeatureEngine(spec, engine.save());
    expect(again.online({ shop: '\ud800' })).toEqual({ mean: null, price: null });
    expect(applyAll(again, [at(3, 0, '\ud800')]).columns.mean).toEqual([4]);
  });

  it('given changes that feature values depend on, then the hash of the feature set changes, else not', () => {
    const hash = featureSetHash(spec);
    const changed = (change: (copy: typeof spec) => void) => {
      const copy = structuredClone(spec);
      change(copy);
      return featureSetHash(copy);
    };
    expect(changed((copy) => copy.features.reverse())).not.toBe(hash);
    expect(
      changed((copy) => {
        copy.source.lateness = 3;
      }),
    ).not.toBe(hash);
    expect(
      changed((copy) => {
        copy.label.max_delay = 3;
      }),
    ).not.toBe(hash);
    expect(
      changed((copy) => {
        copy.schema.columns.amount = { type: 'integer', nullable: true };
      }),
    ).not.toBe(hash);
    expect(
      changed((copy) => {
        copy.train.seed = 9;
        copy.schema.columns.note = { type: 'category', nullable: true };
      }),
    ).toBe(hash);
  });
});
