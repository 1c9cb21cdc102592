import { RelearnError } from './errors.js';

const timestampPattern =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?\s*(Z|[+-]\d{2}:?\d{2})?$/;

/**
 * Milliseconds since 1970 UTC of an ISO 8601 date or time, or null when the text is none.
 * A time without a zone is UTC; digits beyond milliseconds are cut off. Numbers are never times.
 */
export function parseTimestamp(text: string): number | null {
  return plainTimestamp(text) ?? anyTimestamp(text);
}

const plainForm = '0000-00-00T00:00:00.000Z';
const secondsLength = plainForm.indexOf('.');

/**
 * Most times come as `2024-01-31T05:15:00.000Z`, or so without milliseconds: these are told by their digits alone, for
 * days that every month has. Null: for `anyTimestamp` to say.
 */
function plainTimestamp(text: string): number | null {
  const { length } = text;
  if (length !== plainForm.length && length !== secondsLength + 1) return null;
  if (text.charCodeAt(length - 1) !== 90) return null;
  for (let i = 0; i < length - 1; i++) {
    const wanted = plainForm.charCodeAt(i);
    const code = text.charCodeAt(i);
    if (wanted === 48 ? code < 48 || code > 57 : code !== wanted) return null;
  }
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  const hour = twoDigits(text, 11);
  const minute = twoDigits(text, 14);
  const second = twoDigits(text, 17);
  if (year < 100 || month < 1 || month > 12 || day < 1 || day > 28) return null;
  if (hour > 23 || minute > 59 || second > 59) return null;
  const millis = length === plainForm.length ? twoDigits(text, 20) * 10 + text.charCodeAt(22) - 48 : 0;
  return Date.UTC(year, month - 1, day, hour, minute, second, millis);
}

function twoDigits(text: string, at: number): number {
  return (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48;
}

function anyTimestamp(text: string): number | null {
  const match = timestampPattern.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = match;
  const millis = Number(fraction.padEnd(3, '0').slice(0, 3));
  const utc = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
    millis,
  );
  const back = new Date(utc);
  if (back.getUTCFullYear() !== Number(year) || back.getUTCMonth() !== Number(month) - 1) return null;
  if (back.getUTCDate() !== Number(day) || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null;
  if (zone === 'Z') return utc;
  const sign = zone.startsWith('-') ? -1 : 1;
  const digits = zone.replace(/[^\d]/g, '');
  const [hours, minutes] = [Number(digits.slice(0, 2)), Number(digits.slice(2))];
  if (hours > 23 || minutes > 59) return null;
  return utc - sign * (hours * 60 + minutes) * 60_000;
}

/** ISO 8601 UTC with milliseconds. */
export function formatTimestamp(ms: number): string {
  return new Date(ms).toISOString();
}

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Milliseconds of a duration such as `90s`, `3h`, `1d` or `1d12h`. Throws INVALID_INPUT. */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g)];
  if (parts.length === 0 || parts.map((part) => part[0]).join('') !== text) {
    throw new RelearnError('INVALID_INPUT', `'${text}' is not a duration`, {
      remedy: 'Write it like 90s, 15m, 3h, 1d or 2w.',
    });
  }
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (unitMs[unit ?? ''] ?? 0), 0);
}
