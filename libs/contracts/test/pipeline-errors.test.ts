import {
  InvalidPipelineError,
  parsePipelineFile,
  type PipelineCatalog,
  type PipelineFileError,
} from '@relearn/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { catalog, flights, minimal } from './pipeline-fixture.js';

/** The errors of a text; a thrown anything else fails the test. */
function errorsOf(text: string, using: PipelineCatalog = catalog): readonly PipelineFileError[] {
  try {
    parsePipelineFile(text, 'p.yaml', using);
    return [];
  } catch (error) {
    if (error instanceof InvalidPipelineError) return error.errors;
    throw error;
  }
}

/** A change of a file that makes it wrong at the place of the mark `«`. */
type Case = readonly [from: string, to: string, field: string, message: RegExp, remedy?: RegExp];

function expectOneError(base: string, [from, to, field, message, remedy]: Case): void {
  expect(base).toContain(from);
  const marked = base.replace(from, to);
  const mark = marked.indexOf('«');
  expect(mark).toBeGreaterThanOrEqual(0);
  const before = marked.slice(0, mark).split('\n');
  const errors = errorsOf(marked.replace('«', ''));
  expect(errors).toEqual([
    {
      file: 'p.yaml',
      line: before.length,
      column: (before.at(-1) ?? '').length + 1,
      field,
      message: expect.stringMatching(message),
      remedy: expect.stringMatching(remedy ?? /./),
    },
  ]);
}

const shape: Case[] = [
  ['name: flights', '«nam: flights', 'nam', /unknown key 'nam'/, /'name'/],
  ['name: flights', 'name: «Flights', 'name', /expected a name/, /must match/],
  ['name: flights', 'name: «17', 'name', /number 17/, /quotes: '17'/],
  ['files: [data/flights.parquet]', 'files: «data/x', 'source.rows.files', /list of files/, /\[data\/x\]/],
  [
    'rows: { files: [data/flights.parquet], time: scheduled_departure',
    '«rows: { files: [a]',
    'source.rows',
    /'time' is missing/,
  ],
  ['known_after: 1h', 'known_after: «1 hour', 'source.context.weather.known_after', /a duration, got '1 hour'/, /3h/],
  ['known_after: 1h', 'known_after: «60', 'source.context.weather.known_after', /got the number 60/],
  ['    weather: { files', '    «Weather: { files', 'source.context.Weather', /no valid name/, /match/],
  ['unit: mi', '«units: mi', 'schema.columns.distance.units', /unknown key/, /'unit'/],
  [
    'nullable: true, known_at: label',
    'nullable: «yes, known_at: label',
    'schema.columns.dep_delay.nullable',
    /true or false, got 'yes'/,
  ],
  ['known_at: label }', 'known_at: «later }', 'schema.columns.dep_delay.known_at', /the word label/],
  ['range: [0, null]', 'range: «[0]', 'schema.columns.flight.range', /1 item/, /2/],
  ['{ temp: 0.2 }', '{ temp: «20 }', 'schema.window.null_share.temp', /20 is out of range/, /at most 1/],
  ['- carrier\n', '- «7\n', 'features[0]', /number 7/, /quotes/],
  ['- carrier\n', '- «{ name: c }\n', 'features[0]', /one of column, expression, aggregate/],
  ['aggregate: mean, of', '«agregate: mean, of', 'features[2].agregate', /unknown key/, /'aggregate'/],
  ['aggregate: mean, of', 'aggregate: «avg, of', 'features[2].aggregate', /'avg'/, /mean/],
  ['lag: 1', 'lag: «1.5', 'features[4].lag', /number 1.5/],
  ['name: dep_hour', 'name: «dep hour', 'features[1].name', /letters, digits/],
  ['window: 365d', 'window: «year', 'train.window', /`all` or a duration/],
  ['- { trainer: logistic }', '- «{ name: x }', 'train.candidates[1]', /'trainer' is missing/],
  ['monitor: { window: 1d', 'monitor: { window: 1d, «wndow: 2d', 'monitor.wndow', /unknown/],
  [
    'retrain: { drift: null',
    'retrain: { drift: { enter: «0 }',
    'retrain.drift.enter',
    /0 is out of range/,
    /at least 1/,
  ],
  ['evaluate: { metrics: [roc_auc,', 'evaluate: { metrics: [«[roc_auc],', 'evaluate.metrics[0]', /got a list/],
];

const meaning: Case[] = [
  [
    'time: scheduled_departure',
    'time: «scheduled_departur',
    'source.rows.time',
    /no column 'scheduled_departur'/,
    /'scheduled_departure'/,
  ],
  ['time: scheduled_departure', 'time: «distance', 'source.rows.time', /of type number/, /timestamp/],
  ['id: [flight_id]', 'id: [flight_id, «flight_id]', 'source.rows.id[1]', /twice/],
  ['entity: [carrier, flight]', 'entity: [carrier, «flght]', 'entity[1]', /no column 'flght'/, /'flight'/],
  ['known_after: 1h', 'known_after: «1h, known_at: observed_at', 'source.context.weather.known_after', /twice/],
  ['    weather: { origin', '    «wether: { origin', 'schema.context.wether', /no context stream/, /'weather'/],
  ['range: [0, null]', 'range: «[5, 1]', 'schema.columns.flight.range', /5 is above 1/],
  ['unit: mi', 'values: «[a]', 'schema.columns.distance.values', /has no values/],
  [
    'carrier: category\n',
    'carrier: { type: category, pattern: «"(" }\n',
    'schema.columns.carrier.pattern',
    /regular expression/,
  ],
  ['known_at: arrived_at', 'known_at: «arr_delay', 'label.known_at', /of type number/],
  ['known_at: arrived_at', 'known_at: «scheduled_departure', 'label.known_at', /is the event time/],
  ['known_at: arrived_at', 'known_at: arrived_at, delay: «1d', 'label.delay', /both say/],
  ['known_at: arrived_at', 'delay: 2d, max_delay: «1d', 'label.max_delay', /shorter than delay/],
  [
    'label: { expression: arr_delay > 15',
    'label: { column: arr_delay, expression: «arr_delay > 15',
    'label.expression',
    /both|and an expression/,
  ],
  ['label: { expression: arr_delay > 15', '«label: { max_delay: 60d', 'label', /neither/],
  ['- carrier\n', '- «dep_delay\n', 'features[0]', /known only with the label/, /of: label/],
  ['- carrier\n', '- «arr_delay\n', 'features[0]', /known only with the label/],
  ['- carrier\n', '- «scheduled_departure\n', 'features[0]', /timestamp/, /hour\(/],
  ['- carrier\n', '- «caria\n', 'features[0]', /no column/],
  ['hour(scheduled_departure)', '«hour(arrived_at)', 'features[1].expression', /'arrived_at' is known only/],
  ['of: label, by', 'of: «dep_delay, by', 'features[2].of', /known only/],
  ['of: label, by', 'of: «origin, by', 'features[2].of', /cannot be taken as numbers by mean/],
  [
    '- { name: late_3h, aggregate: mean, of: label',
    '- «{ name: late_3h, aggregate: mean',
    'features[2]',
    /needs a column/,
    /'of'/,
  ],
  ['window: 3h', 'window: «0s', 'features[2].window', /empty/],
  ['join: weather', 'join: «wether', 'features[3].join', /no context stream/, /'weather'/],
  ['column: temp, on', 'column: «tmp, on', 'features[3].column', /stream 'weather' has no column/, /'temp'/],
  ['on: [origin]', 'on: { origin: «orign }', 'features[3].on.origin', /no column 'orign'/],
  ['name: dep_hour', 'name: «carrier', 'features[1].name', /two features/],
  ['name: dep_hour', 'name: «label', 'features[1].name', /output/],
  ['trainer: logistic', 'trainer: «logistc', 'train.candidates[1].trainer', /no trainer/, /'logistic'/],
  [
    'trainer: logistic',
    'trainer: «linear',
    'train.candidates[1].trainer',
    /does no binary/,
    /boosting, logistic, baseline/,
  ],
  [
    'learning_rate: 0.1',
    '«learning_rat: 0.1',
    'train.candidates[0].parameters.learning_rat',
    /no parameter/,
    /'learning_rate'/,
  ],
  ['[31, 15]', '[31, «1]', 'train.candidates[0].parameters.max_leaves[1]', /1 is out of range/, /2 to 4096/],
  ['learning_rate: 0.1', 'learning_rate: «fast', 'train.candidates[0].parameters.learning_rate', /not a number/],
  ['- { trainer: logistic }', '- { trainer: logistic }\n    - «{ trainer: logistic }', 'train.candidates[2]', /twice/],
  ['[roc_auc,', '[«roc_acu,', 'evaluate.metrics[0]', /no metric/, /'roc_auc'/],
  ['[roc_auc,', '[«rmse,', 'evaluate.metrics[0]', /does not measure binary/],
  ['maximum: 0.6', 'maximum: 0.6, minimum: «0.7', 'evaluate.metrics[1].minimum', /above the maximum/],
  ['number: psi:binned', 'number: «psi', 'monitor.drift.number', /no drift method/, /psi:binned/],
  ['monitor: { window: 1d', 'monitor: { window: «0s', 'monitor.window', /no time/],
  ['drift: null', 'drift: { enter: «4, of: 3 }', 'retrain.drift.enter', /4 of 3/],
  ['{ temp: 0.2 }', '{ «tmp: 0.2 }', 'schema.window.null_share.tmp', /no stream has a column/, /'temp'/],
];

describe('a pipeline file that is wrong in one place', () => {
  const named = (cases: readonly Case[]) => cases.map((wrong) => ({ from: wrong[0], to: wrong[1], wrong }));
  it.each(named(shape))('in its shape: `$from` → `$to`', ({ wrong }) => expectOneError(flights, wrong));
  it.each(named(meaning))('in its meaning: `$from` → `$to`', ({ wrong }) => expectOneError(flights, wrong));

  it('is sharded by a column that its windows and lags must have in their keys', () => {
    const text = flights.replace(
      '  context:\n    weather: { files',
      '  shard_by: carrier\n  context:\n    weather: { files',
    );
    expect(errorsOf(text).map(({ field }) => field)).toEqual(['features[2].by', 'features[4].by']);
  });

  it.each([
    ['label: { column: k }', /needs at least two classes/],
    ['label: { column: seen, classes: [a, b] }', /timestamp has no classes/],
    ['label: { column: note }\ntrain: { task: regression }', /cannot predict a column of type string/],
    ['label: { column: y, classes: [a, b] }', /of type number is never 'a'/],
    ['label: { column: y, classes: [1, 2] }\ntrain: { task: regression }', /a regression has no classes/],
    ['label: { column: y, classes: [1, 2, 3] }\ntrain: { task: binary }', /needs two classes, there are 3/],
    ['label: { column: y, classes: [1, 1] }', /stands twice/],
  ])('has a label that cannot be learned: %s', (label, message) => {
    const errors = errorsOf(minimal.replace('label: { column: y }', label));
    expect(errors.map((error) => error.message)).toContainEqual(expect.stringMatching(message));
  });
});

describe('a pipeline file that is wrong in many places', () => {
  it('gets all errors at once, in the order of the lines', () => {
    const text = flights
      .replace('name: flights', 'name: Flights')
      .replace('carrier: category', 'carrier: categry')
      .replace('- carrier\n', '- carrier\n  - dep_delay\n')
      .replace('trainer: logistic', 'trainer: logistc')
      .replace('every: 30d', 'every: monthly');
    expect(errorsOf(text).map(({ line, field }) => [line, field])).toEqual([
      [1, 'name'],
      [12, 'schema.columns.carrier'],
      [26, 'features[1]'],
      [35, 'train.candidates[1].trainer'],
      [38, 'retrain.schedule.every'],
    ]);
  });

  it('does not blame the use of a column whose declaration is wrong', () => {
    expect(errorsOf(flights.replace('origin: { type: category,', 'origin: { type: categry,'))).toHaveLength(1);
  });

  it('names the first error and counts the others in its message', () => {
    const two = flights.replace('known_after: 1h', 'known_after: soon').replace('lag: 1', 'lag: 0');
    expect(() => parsePipelineFile(two, 'p.yaml', catalog)).toThrowError(
      expect.objectContaining({
        code: 'INVALID_PIPELINE',
        message: expect.stringMatching(/got 'soon' \(and 1 more error\)$/),
        place: { file: 'p.yaml', line: 7, column: 79, field: 'source.context.weather.known_after' },
      }),
    );
  });
});

describe('a text that is no pipeline file', () => {
  it.each([
    ['', 1, 1, /empty/],
    ['just words', 1, 1, /got 'just words'/],
    ['name: [a\nsource: 1', 2, 1, /flow sequence/],
    ['name: "a\n', 2, 1, /quote/],
    ['name: a\n\tsource: b\n', 2, 1, /[Tt]ab/],
    ['a: &a [*a]\n', 1, 8, /deeply/],
  ])('is refused: %j', (text, line, column, message) => {
    const [first] = errorsOf(text);
    expect(first?.message).toMatch(message);
    expect([first?.line, first?.column]).toEqual([line, column]);
  });

  it('names the second of two equal keys beside the other errors', () => {
    const errors = errorsOf(minimal.replace('    k: category', '    x: integer\n    k: categry'));
    expect(errors.map(({ line, message }) => [line, message])).toEqual([
      [8, 'map keys must be unique'],
      [9, "expected a column type, got 'categry'"],
    ]);
  });

  it('ends in one kind of error whatever it holds', () => {
    const pieces = fc.constantFrom(
      ...flights.split(/(?=[\s{}[\],:])/),
      '*a',
      '&a ',
      '? ',
      '- ',
      '!x ',
      '__proto__: ',
      '|\n',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 80 }), fc.nat(flights.length), (parts, at) => {
        const text = flights.slice(0, at) + parts.join('') + flights.slice(at);
        for (const error of errorsOf(text)) {
          expect(error.line).toBeGreaterThan(0);
          expect(error.column).toBeGreaterThan(0);
          expect(error.remedy).not.toBe('');
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('what the feature engine finds', () => {
  const wrong = {
    path: ['features', 1, 'expression'],
    message: 'unknown function hours',
    remedy: "Did you mean 'hour'?",
  };
  const using: PipelineCatalog = { ...catalog, checkFeatures: () => [wrong] };

  it('is shown at the expression', () => {
    expect(errorsOf(flights, using)).toEqual([
      {
        file: 'p.yaml',
        line: 26,
        column: 35,
        field: 'features[1].expression',
        message: wrong.message,
        remedy: wrong.remedy,
      },
    ]);
  });

  it('is shown at the same place when an earlier feature is broken', () => {
    // Without its broken first feature the engine sees the second one as number 0.
    const shifted = { ...catalog, checkFeatures: () => [{ ...wrong, path: ['features', 0, 'expression'] }] };
    const errors = errorsOf(flights.replace('- carrier\n', '- { name: 3 }\n'), shifted);
    expect(errors.map(({ line }) => line)).toEqual([25, 26]);
  });

  it('is not asked for where the columns themselves are wrong', () => {
    const errors = errorsOf(flights.replace('carrier: category', 'carrier: categry'), using);
    expect(errors.map(({ field }) => field)).toEqual(['schema.columns.carrier']);
  });
});
