import { type ParsedPipeline, parsePipelineFile, readPipelineJson, specDigest } from '@relearn/contracts';
import { describe, expect, it } from 'vitest';
import { catalog, flights, minimal } from './pipeline-fixture.js';

const hour = 3_600_000;
const day = 24 * hour;
const parse = (text: string): ParsedPipeline => parsePipelineFile(text, 'pipeline.yaml', catalog);

describe('a pipeline file with every section', () => {
  const { spec, locate } = parse(flights);

  it('gives durations in milliseconds', () => {
    expect(spec.source.context['weather']).toEqual({
      files: ['data/weather.parquet'],
      time: 'observed_at',
      id: [],
      known_after: hour,
    });
    expect(spec.train.window).toBe(365 * day);
    expect(spec.retrain.schedule).toEqual({ every: 30 * day });
    expect(spec.schema.window.every).toBe(day);
  });

  it('marks what the label uses as known with the label, and nothing else', () => {
    const late = Object.entries(spec.schema.columns).filter(([, column]) => column.known_at === 'label');
    expect(late.map(([name]) => name)).toEqual(['arrived_at', 'dep_delay', 'arr_delay']);
  });

  it('takes a comparison for a binary label', () => {
    expect(spec.train.task).toBe('binary');
    expect(spec.label.classes).toEqual(['0', '1']);
  });

  it('types each feature by the columns that it uses', () => {
    expect(spec.features).toEqual([
      { name: 'carrier', type: 'category', column: 'carrier' },
      { name: 'dep_hour', type: 'number', expression: 'hour(scheduled_departure)' },
      { name: 'late_3h', type: 'number', aggregate: 'mean', of: 'label', by: ['origin'], window: 3 * hour },
      { name: 'temp', type: 'number', join: 'weather', column: 'temp', on: { origin: 'origin' }, max_age: 3 * hour },
      { name: 'carrier_before', type: 'category', lag: 1, of: 'carrier', by: ['origin'] },
    ]);
  });

  it('makes one candidate of each combination of parameters, named by what differs', () => {
    expect(spec.train.candidates).toEqual([
      { name: 'boosting(max_leaves=31)', trainer: 'boosting', parameters: { max_leaves: 31, learning_rate: 0.1 } },
      { name: 'boosting(max_leaves=15)', trainer: 'boosting', parameters: { max_leaves: 15, learning_rate: 0.1 } },
      { name: 'logistic', trainer: 'logistic', parameters: {} },
    ]);
  });

  it('keeps a trigger that is null switched off', () => {
    expect(spec.retrain.drift).toBeNull();
    expect(spec.retrain.performance).toEqual({ drop: 0.02, enter: 2, of: 3 });
  });

  it('locates what it says, and defaults at the block around them', () => {
    const at = (text: string) => {
      const before = flights.slice(0, flights.indexOf(text)).split('\n');
      return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
    };
    expect(locate(['features', 1, 'expression'])).toEqual(at('hour(scheduled'));
    expect(locate(['train', 'candidates', 1, 'parameters', 'max_leaves'])).toEqual(at('[31, 15]'));
    expect(locate(['train', 'candidates', 2, 'trainer'])).toEqual(at('logistic }'));
    expect(locate(['schema', 'columns', 'carrier', 'type'])).toEqual(at('carrier: category\n'));
    expect(locate(['evaluate', 'champion', 'rounds'])).toEqual(at('evaluate:'));
  });
});

describe('a pipeline file with the least', () => {
  const { spec } = parse(minimal);

  it('predicts a number by default', () => {
    expect(spec.train.task).toBe('regression');
    expect(spec.train.candidates.map(({ name }) => name)).toEqual([
      'boosting(max_leaves=31)',
      'boosting(max_leaves=15)',
      'boosting(max_leaves=15,recent=0.3)',
      'boosting(max_leaves=15,recent=0.1)',
      'linear',
      'linear(recent=0.1)',
    ]);
    expect(spec.evaluate.metrics).toEqual([{ name: 'rmse' }]);
    expect(spec.retrain.performance?.drop).toBe(0.05);
  });

  it('offers the model every column known in time, and the hours and days', () => {
    expect(spec.features).toEqual([
      { name: 'x', type: 'number', column: 'x' },
      { name: 'k', type: 'category', column: 'k' },
      { name: 'hour', type: 'number', expression: 'hour(at)' },
      { name: 'day_of_week', type: 'number', expression: 'day_of_week(at)' },
    ]);
  });

  it.each([
    ['delay: 3d', 3 * day, 6 * day],
    ['delay: 1m', 60_000, hour],
    ['known_at: seen', 0, 30 * day],
  ])('waits for the label as `%s` suggests', (text, delay, maxDelay) => {
    const { label } = parse(minimal.replace('column: y', `column: y, ${text}`)).spec;
    expect([label.delay, label.max_delay]).toEqual([delay, maxDelay]);
  });

  it.each([
    ['y: boolean', '', 'binary', ['0', '1']],
    ['y: number', ', classes: [1, 2]', 'binary', ['1', '2']],
    ['y: integer', ', classes: [1, 2, 3]', 'multiclass', ['1', '2', '3']],
    ['y: boolean', ', classes: [false, true]', 'binary', ['0', '1']],
    ['y: { type: category, values: [no, yes] }', '', 'binary', ['no', 'yes']],
    ['y: { type: category, values: [a, b, c] }', '', 'multiclass', ['a', 'b', 'c']],
  ])('infers the task of `%s`%s', (column, classes, task, expected) => {
    const text = minimal.replace('y: number', column).replace('column: y', `column: y${classes}`);
    const { train, label } = parse(text).spec;
    expect(train.task).toBe(task);
    expect(label.classes).toEqual(expected);
  });

  it('gives odd columns plain feature names, none of them twice or an output of the model', () => {
    const text = minimal.replace('x: number', "'a b': number\n    'a-b': number\n    '2nd': number\n    label: number");
    expect(parse(text).spec.features.map(({ name }) => name)).toEqual([
      'a_b',
      'a_b_2',
      '_2nd',
      'label_2',
      'k',
      'hour',
      'day_of_week',
    ]);
  });

  it('lets a list of the file be shared by an alias', () => {
    const text = `${minimal}entity: &keys [k]\nfeatures:\n  - { name: n, aggregate: count, by: *keys, window: 1d }\n`;
    expect(parse(text).spec.features).toEqual([
      { name: 'n', type: 'number', aggregate: 'count', by: ['k'], window: day },
    ]);
  });
});

describe('the digest of a pipeline', () => {
  const digest = (text: string) => specDigest(parse(text).spec);

  it('ignores the description, the files and how the text is laid out', () => {
    const other = flights
      .replace('Will it be late?', 'Another text')
      .replaceAll('data/', 'elsewhere/')
      .replace('label: { expression: arr_delay > 15', "# comment\nlabel: { expression: 'arr_delay > 15'");
    expect(other).not.toBe(flights);
    expect(digest(other)).toBe(digest(flights));
  });

  it.each([
    ['window: 3h', 'window: 4h'],
    ['known_after: 1h', 'known_after: 2h'],
    ['maximum: 0.6', 'maximum: 0.7'],
  ])('changes when `%s` becomes `%s`', (from, to) => {
    expect(digest(flights.replace(from, to))).not.toBe(digest(flights));
  });
});

describe('a pipeline carried by an event', () => {
  it('is read as it was written', () => {
    const { spec } = parse(flights);
    expect(readPipelineJson(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
  });

  it('is refused where it does not fit, naming the field', () => {
    const { spec } = parse(flights);
    const wrong = { ...spec, train: { ...spec.train, hold_out: 2 } };
    expect(() => readPipelineJson(wrong)).toThrowError(
      expect.objectContaining({ code: 'INVALID_PIPELINE', place: { field: '/train/hold_out' } }),
    );
  });
});
