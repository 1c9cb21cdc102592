import type { Cell } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ColumnType, checkExpression, compileExpression } from '../src/index.js';

const types: Record<string, ColumnType> = {
  amount: 'number',
  count: 'integer',
  paid: 'boolean',
  shop: 'category',
  note: 'string',
  departs: 'timestamp',
  arrives: 'timestamp',
  'odd name': 'number',
};

function valueOf(text: string, row: Record<string, Cell> = {}): Cell {
  return compileExpression(text, types)((column) => row[column] ?? null);
}

function errorOf(work: () => unknown): RelearnError {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof RelearnError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
}

describe('values of expressions', () => {
  it.each<[string, Cell]>([
    ['1 + 2 * 3', 7],
    ['(1 + 2) * 3', 9],
    ['10 - 4 - 3', 3],
    ['12 / 4 / 3', 1],
    ['7 % 4 - -2', 5],
    ['-2 * -3', 6],
    ['.5 + 1e2 + 2.', 102.5],
    ['1 + 1 == 2 and not 3 < 2', true],
    ['true or false and false', true],
    ['!(1 > 2) && (1 <> 2 || false)', true],
    ['1 = 1', true],
    ['1 > 2 ? 10 : 2 > 1 ? 20 : 30', 20],
    ['if(1 > 2, 10, 20)', 20],
    ["'it''s' == 'it''s'", true],
    ["'a' < 'b'", true],
    ['round(2.5) + round(-2.5) + round(0.49999999999999994)', 0],
    ['abs(-3) + floor(-1.5) + ceil(1.2) + sqrt(16)', 7],
    ['min(3, 1, 2) * 100 + max(3, 1, 2)', 103],
    ["length('häh') + length('')", 3],
    ["lower('AB') == 'ab' and upper('ab') == 'AB'", true],
    ["concat('a', 1, true)", 'a1true'],
    ["contains('abc', 'bc') and starts_with('abc', 'ab') and not starts_with('abc', 'bc')", true],
    ['`odd name` + 1', 6],
  ])('%s', (text, expected) => {
    expect(checkExpression(text, types).type).toBe(
      typeof expected === 'number' ? 'number' : typeof expected === 'string' ? 'string' : 'boolean',
    );
    expect(valueOf(text, { 'odd name': 5 })).toBe(expected);
  });

  it.each<[string, Cell]>([
    ['amount + 1', null],
    ['amount > 1', null],
    ['amount == amount', null],
    ['not paid', null],
    ['paid and false', false],
    ['false and paid', false],
    ['paid and true', null],
    ['paid or true', true],
    ['paid or false', null],
    ['paid ? 1 : 2', null],
    ['min(amount, 1)', null],
    ["concat(note, 'x')", null],
    ['coalesce(amount, count, 7)', 7],
    ['hour(departs)', null],
    ['1 / 0', null],
    ['0 % 0', null],
    ['sqrt(-1)', null],
    ['1e308 * 10', null],
    ['-(0) == 0', true],
  ])('null goes through: %s', (text, expected) => {
    checkExpression(text, types);
    expect(valueOf(text)).toBe(expected);
  });

  it('reads times as ISO texts or milliseconds', () => {
    const row = { departs: '2024-02-29T13:45:10.500Z', arrives: Date.UTC(2024, 1, 29, 15, 0) };
    expect(valueOf('hour(departs) * 100 + minute(departs)', row)).toBe(1345);
    expect(valueOf('minute_of_day(arrives)', row)).toBe(900);
    expect(valueOf('day_of_week(departs) * 1000 + day_of_year(departs)', row)).toBe(4060);
    expect(valueOf('year(departs) * 10000 + month(departs) * 100 + day_of_month(departs)', row)).toBe(20240229);
    expect(valueOf('(arrives - departs) / 60000', row)).toBe(74.825);
    expect(valueOf('arrives > departs', row)).toBe(true);
    expect(valueOf("departs >= '2024-02-29' and departs < '2024-03-01'", row)).toBe(true);
    expect(valueOf('hour(departs + 3600000)', row)).toBe(14);
    expect(checkExpression('arrives - departs', types)).toEqual({ type: 'number', columns: ['arrives', 'departs'] });
    expect(checkExpression('departs + 1', types).type).toBe('timestamp');
  });

  it('agrees with Date on every calendar part, before 1970 too', () => {
    const instant = fc.integer({ min: Date.UTC(1600, 0, 1), max: Date.UTC(2400, 0, 1) });
    const parts = ['year', 'month', 'day_of_month', 'day_of_week', 'day_of_year', 'hour', 'minute'].map((name) =>
      compileExpression(`${name}(departs)`),
    );
    fc.assert(
      fc.property(instant, (ms) => {
        const date = new Date(ms);
        const dayOfYear = Math.floor((ms - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
        expect(parts.map((part) => part(() => ms))).toEqual([
          date.getUTCFullYear(),
          date.getUTCMonth() + 1,
          date.getUTCDate(),
          ((date.getUTCDay() + 6) % 7) + 1,
          dayOfYear,
          date.getUTCHours(),
          date.getUTCMinutes(),
        ]);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('errors of expressions', () => {
  it.each<[string, number, RegExp, RegExp?]>([
    ['amuont + 1', 1, /unknown column 'amuont'/, /'amount'/],
    ['1 + hours(departs)', 5, /unknown function 'hours'/, /'hour'/],
    ['1 +', 4, /value is missing/],
    ['(1 + 2', 7, /'\)' is missing/],
    ['1 2', 3, /unexpected '2'/],
    ['12abc', 1, /not a number/],
    ['1..2', 1, /not a number/],
    ["note == 'x", 9, /never closed/],
    ['note == "x"', 9, /unexpected character '"'/, /single quotes/],
    ['1 < 2 < 3', 7, /do not chain/],
    ['shop + 1', 6, /does not take string and number/, /concat/],
    ['paid + 1', 6, /does not take boolean/, /if\(/],
    ['amount > shop', 8, /does not compare number with string/],
    ["amount > '2024-01-01'", 8, /does not compare number with string/],
    ['amount == null', 8, /always null/, /coalesce/],
    ['amount ? 1 : 2', 1, /needs a boolean, not a number/],
    ["paid ? 1 : 'a'", 12, /one type/],
    ['hour(amount)', 6, /hour needs a timestamp, not a number/],
    ['hour()', 1, /takes 1 input/],
    ['if(paid, 1)', 1, /takes 3 inputs, not 2/],
    ['paid < true', 6, /does not order booleans/],
    ['null', 1, /always null/],
    ['and', 1, /unexpected 'and'/],
    ['exp(amount)', 1, /unknown function 'exp'/],
    ['', 1, /value is missing/],
    ['1e999', 1, /too large/],
    [`${'('.repeat(200)}1`, 102, /too deep/],
    [`${'1+'.repeat(3000)}1`, 4001, /longer than/],
  ])('%s', (text, column, message, remedy = /./) => {
    const error = errorOf(() => checkExpression(text, types));
    expect(error.code).toBe('INVALID_PIPELINE');
    expect(error.place?.column).toBe(column);
    expect(error.message).toMatch(message);
    expect(error.remedy).toMatch(remedy);
  });

  it('throws nothing but INVALID_PIPELINE for any text, and compiles whatever passes the check', () => {
    const piece = fc.constantFrom(
      ...[
        'amount',
        'paid',
        'note',
        'departs',
        'hour(',
        'if(',
        'coalesce(',
        '(',
        ')',
        ',',
        '?',
        ':',
        '+',
        '-',
        '*',
        '/',
      ],
      ...['==', '<', 'and', 'or', 'not', '!', 'null', 'true', "'a'", '1', '0', ' ', '`', "'", '1.5e3'],
    );
    const row = { amount: 3, paid: true, note: 'n', departs: 1_700_000_000_000 };
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12, size: 'max' }), (pieces) => {
        const text = pieces.join(' ');
        try {
          checkExpression(text, types);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'INVALID_PIPELINE' });
          return;
        }
        const value = valueOf(text, row);
        expect(typeof value !== 'number' || Number.isFinite(value)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });
});
