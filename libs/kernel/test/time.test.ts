import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatTimestamp, parseDuration, parseTimestamp } from '../src/index.js';

describe('parseTimestamp', () => {
  test.each([
    ['2013-01-01', '2013-01-01T00:00:00.000Z'],
    ['2013-01-01 05:15', '2013-01-01T05:15:00.000Z'],
    ['2013-01-01T05:15:30.1234+02:00', '2013-01-01T03:15:30.123Z'],
    ['2024-02-29T23:59:59Z', '2024-02-29T23:59:59.000Z'],
    ['0100-01-01T00:00:00.007Z', '0100-01-01T00:00:00.007Z'],
  ])('%s is %s', (text, iso) => {
    const ms = parseTimestamp(text);
    expect(ms).not.toBeNull();
    expect(formatTimestamp(ms ?? 0)).toBe(iso);
  });

  test.each([
    '2024-13-05',
    '2023-02-29',
    '0050-01-01',
    '0050-01-01T00:00:00.000Z',
    '2023-02-29T23:59:59.999Z',
    '2024-01-01T24:00:00.000Z',
    '2024-01-01T10:60:00Z',
    '2024-01-01T10:00:60Z',
    '2024-13-01T00:00:00.000Z',
    '2024-01-00T00:00:00Z',
    '2024/01/01 10:00:00.000Z',
    '2024-01-01T10:00:0xZ',
    '2024-01-01T24:00',
    '2024-01-01T00:00+99:99',
    '1357000000',
    'today',
  ])('%s is no time', (text) => expect(parseTimestamp(text)).toBeNull());
});

describe('the two ways a time is read', () => {
  // A further digit of the fraction, which is cut off, keeps a text from the fast way.
  const slowly = (text: string) =>
    parseTimestamp(text.replace(/(:\d{2})(\.\d{3})?Z$/, (_, second, millis = '.000') => `${second}${millis}0Z`));
  const digits = (most: number, length: number) =>
    fc.integer({ min: 0, max: most }).map((value) => String(value).padStart(length, '0'));

  test('agree about every text of the common forms', () => {
    const fields = [digits(300, 4), digits(13, 2), digits(32, 2), digits(25, 2), digits(61, 2), digits(61, 2)] as const;
    const fraction = fc.option(digits(999, 3), { nil: null });
    fc.assert(
      fc.property(
        fc.tuple(...fields),
        fc.nat(2100),
        fraction,
        ([year, month, day, hour, minute, second], add, millis) => {
          const common = String(Number(year) + add).padStart(4, '0');
          const text = `${common}-${month}-${day}T${hour}:${minute}:${second}${millis === null ? '' : `.${millis}`}Z`;
          expect(parseTimestamp(text)).toBe(slowly(text));
        },
      ),
      { numRuns: 5_000 },
    );
  });

  test('agree about a text in which one character is wrong', () => {
    const at = fc.date({ min: new Date('0100-01-01'), max: new Date('9999-12-31'), noInvalidDate: true });
    fc.assert(
      fc.property(at, fc.nat(22), fc.constantFrom('x', ' ', '/', ':', '-', '5', '0'), (date, place, wrong) => {
        const iso = date.toISOString();
        const text = `${iso.slice(0, place)}${wrong}${iso.slice(place + 1)}`;
        expect(parseTimestamp(text)).toBe(slowly(text));
      }),
    );
  });
});

describe('parseDuration', () => {
  test.each([
    ['90s', 90_000],
    ['1d12h', 129_600_000],
    ['1.5h', 5_400_000],
  ])('%s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms));
  test.each(['', '3', 'h', '3 h', '1y'])("'%s' is refused", (text) =>
    expect(() => parseDuration(text)).toThrow('not a duration'),
  );
});
