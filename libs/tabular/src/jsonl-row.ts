import { formatTimestamp, parseTimestamp } from '@relearn/kernel';
import { malformed } from './failure.js';
import type { Cell, ColumnType } from './table.js';
import { finiteCell, integerCell, kind } from './value-kind.js';

/** A value of a flat JSON object; integers beyond 2^53 keep their digits as bigint. */
export type JsonValue = string | number | bigint | boolean | null;

export type JsonRow = ReadonlyMap<string, JsonValue>;

const stringOrNumber = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const longInteger = /^-?\d{16,}$/;

/** One line of JSON Lines. Throws INVALID_INPUT: not JSON (with the column), no object, or a nested value (its key). */
export function parseRow(text: string, path: string, line: number): JsonRow {
  const parsed = parseObject(text, path, line);
  const row = new Map<string, JsonValue>();
  let exact: ReadonlyMap<string, unknown> | undefined;
  for (const [key, value] of parsed) {
    if (typeof value === 'object' && value !== null) {
      const what = Array.isArray(value) ? 'an array' : 'an object';
      throw malformed(path, { line, field: key }, `${what} within the row`, 'Give each value a key of its own.');
    }
    if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
      exact ??= parseObject(quoteLongIntegers(text), path, line);
      const digits = exact.get(key);
      row.set(key, typeof digits === 'string' ? BigInt(digits) : value);
    } else row.set(key, value as JsonValue);
  }
  return row;
}

export function kindOfValue(value: JsonValue): number {
  if (value === null) return kind.none;
  if (typeof value === 'bigint') return kind.integer;
  if (typeof value === 'boolean') return kind.boolean;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? kind.integer : kind.number;
  return parseTimestamp(value) === null ? kind.text : kind.timestamp;
}

/** The cell of a value in a column of the type; undefined when it does not fit. In a string column any value is its text. */
export function cellOfValue(value: JsonValue, type: ColumnType): Cell | undefined {
  if (value === null) return null;
  if (type === 'string') return String(value);
  if (typeof value === 'boolean') return type === 'boolean' ? value : undefined;
  if (typeof value === 'string') {
    const ms = type === 'timestamp' ? parseTimestamp(value) : null;
    return ms === null ? undefined : formatTimestamp(ms);
  }
  if (type === 'number') return finiteCell(Number(value));
  if (type !== 'integer') return undefined;
  if (typeof value === 'bigint') return integerCell(value);
  return Number.isSafeInteger(value) ? finiteCell(value) : undefined;
}

function quoteLongIntegers(text: string): string {
  return text.replace(stringOrNumber, (token) => (longInteger.test(token) ? `"${token}"` : token));
}

function parseObject(text: string, path: string, line: number): Map<string, unknown> {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw malformed(path, { line, column: brokenColumn(text) }, `not JSON: ${detail}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed(path, { line, column: 1 }, 'each line must be one JSON object');
  }
  return new Map(Object.entries(value));
}

const stringOrNonFinite = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;

/** JSON, and the words NaN and Infinity that some writers put for a number that JSON lacks: they are null. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    const strict = text.replace(stringOrNonFinite, (token) => (token.startsWith('"') ? token : 'null'));
    if (strict === text) throw thrown;
    return JSON.parse(strict);
  }
}

const jsonToken =
  /[ \t\n\r]*(?:(?<string>"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(?<scalar>-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)|(?<mark>[{}:,[\]]))/uy;

/** The column (1-based) of the first token that cannot stand where it is, for JSON.parse does not always tell it. */
function brokenColumn(text: string): number {
  const open: string[] = [];
  let expected = 'value';
  jsonToken.lastIndex = 0;
  for (;;) {
    const from = jsonToken.lastIndex;
    const next = jsonToken.exec(text)?.groups;
    const token = next?.mark ?? (next?.string === undefined ? next?.scalar && 'scalar' : 'string');
    const after = token === undefined ? undefined : stateAfter(token, expected, open);
    if (after === undefined) return from + (/^[ \t\n\r]*/.exec(text.slice(from))?.[0].length ?? 0) + 1;
    expected = after;
  }
}

/** What may follow `token` where `expected` was due, or undefined when the token may not stand there. */
function stateAfter(token: string, expected: string, open: string[]): string | undefined {
  const container = open.at(-1);
  if (token === '{' || token === '[') {
    if (!expected.startsWith('value')) return undefined;
    open.push(token);
    return token === '{' ? 'key or end' : 'value or end';
  }
  if (token === '}' || token === ']') {
    const matches = container === (token === '}' ? '{' : '[');
    if (!matches || !(expected.endsWith('end') || expected === 'mark')) return undefined;
    open.pop();
    return 'mark';
  }
  if (token === ':') return expected === 'colon' ? 'value' : undefined;
  if (token === ',') {
    if (expected !== 'mark' || container === undefined) return undefined;
    return container === '{' ? 'key' : 'value';
  }
  if (expected.startsWith('key')) return token === 'string' ? 'colon' : undefined;
  return expected.startsWith('value') ? 'mark' : undefined;
}
