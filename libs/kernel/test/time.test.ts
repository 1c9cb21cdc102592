import { describe, expect, test } from 'vitest';
import { formatTimestamp, parseDuration, parseTimestamp } from '../src/index.js';

describe('parseTimestamp', () => {
  test.each([
    ['2013-01-01', '2013-01-01T00:00:00.000Z'],
    ['2013-01-01 05:15', '2013-01-01T05:15:00.000Z'],
    ['2013-01-01T05:15:30.1234+02:00', '2013-01-01T03:15:30.123Z'],
    ['2024-02-29T23:59:59Z', '2024-02-29T23:59:59.000Z'],
  ])('%s is %s', (text, iso) => {
    const ms = parseTimestamp(text);
    expect(ms).not.toBeNull();
    expect(formatTimestamp(ms ?? 0)).toBe(iso);
  });

  test.each([
    '2024-13-05',
    '2023-02-29',
    '0050-01-01',
    '2024-01-01T24:00',
    '2024-01-01T00:00+99:99',
    '1357000000',
    'today',
  ])('%s is no time', (text) => expect(parseTimestamp(text)).toBeNull());
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
