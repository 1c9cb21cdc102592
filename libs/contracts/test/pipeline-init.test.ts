import {
  type ColumnProfile,
  inferPipeline,
  type InferPipelineInput,
  parsePipelineFile,
  pipelineJsonSchema,
  Validator,
} from '@relearn/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { catalog } from './pipeline-fixture.js';

const day = 86_400_000;
const start = Date.UTC(2024, 0, 1);
const iso = (ms: number) => new Date(ms).toISOString();
type Value = string | number | boolean;

/** Profile of a column that holds the values one after the other over all rows. */
function column(
  name: string,
  values: readonly Value[],
  { rows = 1000, nulls = 0, distinct = values.length } = {},
): ColumnProfile {
  const kinds = new Set(
    values.map((value) => (typeof value === 'number' && Number.isInteger(value) ? 'integer' : typeof value)),
  );
  const type = kinds.has('string')
    ? 'string'
    : kinds.has('boolean')
      ? 'boolean'
      : kinds.has('number')
        ? 'number'
        : 'integer';
  const sorted = [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return {
    name,
    type,
    rows,
    nulls,
    distinct,
    min: sorted[0] ?? null,
    max: sorted.at(-1) ?? null,
    topValues: values.slice(0, 100).map((value) => ({ value, count: Math.ceil((rows - nulls) / values.length) })),
    looksLikeTimestamp: false,
  };
}

function times(name: string, spanMs: number, { rows = 1000, nulls = 0, from = start } = {}): ColumnProfile {
  const first = { value: iso(from + 5 * 3_600_000), count: 1 };
  return {
    ...column(name, [iso(from), iso(from + spanMs)], { rows, nulls, distinct: 1000 }),
    type: 'timestamp',
    topValues: [first],
    looksLikeTimestamp: true,
  };
}

const base = { name: 'demo', dataFile: 'data/table.csv', time: 'at', label: 'y', id: [] };
const infer = (columns: readonly ColumnProfile[], more: Partial<InferPipelineInput> = {}) =>
  inferPipeline({ ...base, profiles: columns, ...more });
const specOf = (columns: readonly ColumnProfile[], more: Partial<InferPipelineInput> = {}) =>
  parsePipelineFile(infer(columns, more).yaml, 'demo.yaml', catalog).spec;

const at = times('at', 365 * day);
const x = column('x', [1.5, 2.5, 3.5], { distinct: 900 });

describe('the label of an inferred pipeline', () => {
  it.each([
    ['0 and 1', [1, 0], 'binary', ['0', '1']],
    ['booleans', [true, false], 'binary', ['0', '1']],
    ['yes and no', ['yes', 'no'], 'binary', ['no', 'yes']],
    ['the texts true and false', ['true', 'false'], 'binary', ['false', 'true']],
    ['two numbers', [2, 1], 'binary', ['1', '2']],
    ['two texts, the more frequent first', ['b', 'a'], 'binary', ['b', 'a']],
    ['some texts', ['cat', 'dog', 'ape'], 'multiclass', ['ape', 'cat', 'dog']],
    ['some integers', [10, 9, 1], 'multiclass', ['1', '9', '10']],
    ['texts that look like other things', ['null', '007', 'on', 'a: b'], 'multiclass', ['007', 'a: b', 'null', 'on']],
    ['many integers', Array.from({ length: 11 }, (_, i) => i), 'regression', []],
    ['fractions', [0.5, 1.5, 2.5], 'regression', []],
  ])('that holds %s', (_, values, task, classes) => {
    const { train, label, evaluate } = specOf([at, x, column('y', values)]);
    expect(train.task).toBe(task);
    expect(label.classes).toEqual(classes);
    expect(evaluate.metrics[0]?.name).toBe(
      { binary: 'roc_auc', multiclass: 'log_loss', regression: 'rmse' }[train.task],
    );
  });

  it('is read as the user says', () => {
    const rating = column('y', [1, 2, 3, 4, 5]);
    expect(specOf([at, x, rating], { task: 'regression' }).label.classes).toEqual([]);
    expect(specOf([at, x, column('y', [0, 1])], { task: 'multiclass' }).label.classes).toEqual(['0', '1']);
  });

  it('is known at once, after a delay, or when a column says so', () => {
    const y = column('y', [0, 1]);
    const instant = infer([at, x, y]);
    expect(instant.notes.join()).toContain('delay 0s');
    expect(specOf([at, x, y]).label).toMatchObject({ delay: 0 });
    expect(infer([at, x, y], { labelDelayMs: day }).notes.join()).not.toContain('delay 0s');
    expect(specOf([at, x, y], { labelDelayMs: 30 * day }).label).toMatchObject({
      delay: 30 * day,
      max_delay: 60 * day,
    });
    const known = times('known', 365 * day, { from: start + 10 * day, nulls: 20 });
    const spec = specOf([at, x, y, known], { knownAt: 'known' });
    expect(spec.label).toMatchObject({ known_at: 'known', delay: 0 });
    expect(spec.label.max_delay).toBeGreaterThanOrEqual(40 * day);
    expect(spec.schema.columns).toMatchObject({
      y: { known_at: 'label' },
      known: { type: 'timestamp', nullable: true, known_at: 'label' },
      x: { type: 'number', nullable: false },
    });
  });

  it.each([
    ['nothing', column('y', [], { nulls: 1000 }), {}, /is empty/],
    ['one value', column('y', ['a']), {}, /always "a"/],
    ['times', times('y', day), {}, /is a time/],
    ['three values for two classes', column('y', [1, 2, 3]), { task: 'binary' }, /has 3 values/],
    ['texts for a regression', column('y', ['a', 'b', 'c']), { task: 'regression' }, /holds texts/],
    ['too many texts', column('y', ['a', 'b'], { distinct: 300 }), {}, /300 values: at most 100/],
  ] as const)('cannot hold %s', (_, y, more, message) => {
    expect(() => infer([at, x, y], more)).toThrowError(
      expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringMatching(message) }),
    );
  });
});

describe('the columns of an inferred pipeline', () => {
  const y = column('y', [0, 1]);

  it('are categories where few texts repeat, and nullable where nulls were seen', () => {
    const few = column('few', ['a', 'b'], { nulls: 3 });
    const own = column('own', ['a'], { rows: 150, distinct: 150 });
    const many = column('many', ['a'], { rows: 100_000, distinct: 900 });
    const free = column('free', ['a'], { distinct: 1000 });
    const huge = { ...column('huge', ['1'], { distinct: 1000 }), type: 'integer' as const };
    const { schema, features } = specOf([at, y, x, few, own, many, free, huge]);
    expect(schema.columns).toMatchObject({
      few: { type: 'category', nullable: true },
      own: { type: 'string' },
      many: { type: 'category', nullable: false },
      free: { type: 'string' },
      huge: { type: 'string' },
    });
    expect(features.map(({ name }) => name)).toEqual(['x', 'few', 'many', 'hour', 'day_of_week']);
  });

  it('never refuse a value that was not seen', () => {
    for (const spec of Object.values(specOf([at, y, x, column('k', ['a', 'b'])]).schema.columns)) {
      expect(spec).not.toHaveProperty('range');
      expect(spec).not.toHaveProperty('values');
    }
  });

  it('leave ids, single values and hours of dates out of the features', () => {
    const dates = { ...times('at', 100 * day), topValues: [{ value: iso(start), count: 10 }] };
    const { yaml, notes } = infer([dates, y, x, column('id', [1, 2]), column('one', ['a'])], { id: ['id'] });
    const { features, source } = parsePipelineFile(yaml, 'demo.yaml', catalog).spec;
    expect(features.map(({ name }) => name)).toEqual(['x', 'day_of_week']);
    expect(source.rows.id).toEqual(['id']);
    expect(notes.join()).toContain('one value only are left out: [one]');
  });

  it.each([
    [{ time: 'x' }, /holds no times/],
    [{ time: 'att' }, /no column 'att'/],
    [{ label: 'at' }, /cannot be/],
    [{ id: ['y'] }, /cannot be the label and an id/],
    [{ knownAt: 'y' }, /cannot be/],
    [{ knownAt: 'x', labelDelayMs: 1 }, /both/],
    [{ name: 'No Name' }, /no name for a pipeline/],
  ])('cannot play the parts of %j', (more, message) => {
    expect(() => infer([at, y, x], more)).toThrowError(message);
  });

  it.each(['__proto__', 'k'.repeat(129)])('cannot be ids where no column of a pipeline can be called %s', (name) => {
    expect(() => infer([at, y, x, column(name, ['a', 'b'])], { id: [name] })).toThrowError(
      expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringContaining('(an id)') }),
    );
  });
});

describe('the sizes of an inferred pipeline', () => {
  it.each([
    [300_000, 365 * day, 7 * day],
    [1000, 365 * day, 7 * day],
    [5000, 2 * day, 3_600_000],
    [200, 3 * 365 * day, 28 * day],
  ])('for %d rows over %d ms', (rows, span, window) => {
    const y = column('y', [0, 1], { rows });
    const spec = specOf([times('at', span, { rows }), column('x', [1.5], { rows, distinct: 900 }), y]);
    expect(spec.monitor.window).toBe(window);
    expect(spec.retrain.cooldown).toBe(2 * window);
    expect(spec.train.minimum_rows).toBeLessThan(rows / 2);
    const inWindows = (rows * spec.monitor.performance.windows * window) / span;
    expect(spec.monitor.performance.minimum_labels).toBeLessThan(inWindows);
    expect(spec.retrain.minimum_labels).toBeLessThan(rows - spec.train.minimum_rows);
  });

  it('give 20 to 100 windows over any span from a minute to a lifetime', () => {
    fc.assert(
      fc.property(fc.integer({ min: 60_000, max: 80 * 365 * day }), (span) => {
        const windows = span / specOf([times('at', span), x, column('y', [0, 1])]).monitor.window;
        expect(windows).toBeGreaterThanOrEqual(20);
        expect(windows).toBeLessThanOrEqual(100);
      }),
      { numRuns: 100 },
    );
  });
});

describe('an inferred pipeline file', () => {
  const validator = new Validator(pipelineJsonSchema());
  const name = fc.oneof(
    // No column of a pipeline can be called `__proto__`.
    fc.string({ minLength: 1, maxLength: 12, unit: 'binary' }).filter((text) => text !== '__proto__'),
    fc.constantFrom(
      'label',
      'hour',
      'null',
      'yes',
      'my column',
      'a.b',
      'a-b',
      '#',
      '- x',
      '2nd',
      "it's",
      '`',
      '"',
      '\\',
      'a: b',
      '{',
      'constructor',
      'and',
      ' x ',
      '\u2028',
      '\t',
    ),
  );
  const values = fc.oneof(
    fc.constantFrom<Value[][]>(
      [0, 1],
      [true, false],
      ['yes', 'no'],
      ['0', '1'],
      [1, 2, 3],
      [-0.5, 1e-7, 3e21],
      ['on time', 'late', 'lost'],
    ),
    fc.uniqueArray(fc.string({ maxLength: 6, unit: 'binary' }), { minLength: 2, maxLength: 5 }),
    fc.uniqueArray(fc.integer(), { minLength: 2, maxLength: 20 }),
    fc.uniqueArray(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 2, maxLength: 20 }),
  );
  const rows = fc.constantFrom(30, 1000, 300_000);
  const columns = fc
    .tuple(
      fc.uniqueArray(name, { minLength: 5, maxLength: 12 }),
      fc.array(fc.tuple(values, fc.integer({ min: 0, max: 9 }), fc.constantFrom(1, 100, 1000)), {
        minLength: 9,
        maxLength: 9,
      }),
      fc.record({
        rows,
        span: fc.integer({ min: 0, max: 9 * 365 * day }),
        known: fc.boolean(),
        delay: fc.option(fc.integer({ min: 0, max: 90 * day })),
      }),
    )
    .map(([names, contents, { rows, span, known, delay }]) => {
      const [time = '', label = '', id = '', knownAt = '', ...others] = names;
      const inputs = others.map((other, i) => {
        const [held = [1], nulls = 0, times = 1] = contents[i] ?? [];
        return column(other, held, { rows, nulls, distinct: Math.min(1000, held.length * times) });
      });
      const [held = [0, 1], nulls = 0] = contents[8] ?? [];
      const profiles = [
        times_(time, span, rows),
        column(label, held, { rows, nulls }),
        column(id, ['a'], { rows, distinct: 1000 }),
        { ...times_(knownAt, span + day, rows), nulls },
        x,
        ...inputs,
      ];
      const when = known ? { knownAt } : delay === null ? {} : { labelDelayMs: delay };
      return {
        ...base,
        dataFile: `../${label}.parquet`,
        time,
        label,
        id: [id],
        profiles: profiles.filter(unique),
        ...when,
      };
    });
  const times_ = (name: string, span: number, rows: number) => times(name, span, { rows });
  const unique = (profile: ColumnProfile, i: number, all: readonly ColumnProfile[]) =>
    all.findIndex(({ name }) => name === profile.name) === i;

  it('parses without an error and fits the schema, whatever the table', () => {
    fc.assert(
      fc.property(columns, (input) => {
        const { yaml } = inferPipeline(input);
        const { spec } = parsePipelineFile(yaml, 'demo.yaml', catalog);
        expect(validator.fits(parse(yaml))).toBe(true);
        expect(spec.source.rows).toEqual({ files: [input.dataFile], time: input.time, id: input.id });
        expect(spec.label.column).toBe(input.label);
        expect(Object.keys(spec.schema.columns).sort()).toEqual(input.profiles.map((profile) => profile.name).sort());
      }),
      { numRuns: 300 },
    );
  });
});
