import { formatTimestamp } from '@relearn/kernel';
import type { ParquetParsers, SchemaElement, SchemaTree } from 'hyparquet';
import { malformed } from './failure.js';
import type { Cell, ColumnType } from './table.js';
import { finiteCell, integerCell } from './value-kind.js';

/** How the decoded values of one column become cells; `compact` is what is kept between decoding and delivery. */
export interface ParquetColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly compact: (decoded: unknown) => Cell;
  readonly cell: (compact: Cell) => Cell;
}

/** The greatest time that ECMAScript can represent: https://tc39.es/ecma262/#sec-time-values-and-time-range */
const maxTimestamp = 8.64e15;

const utf8 = new TextDecoder();

/** Times as milliseconds since 1970 UTC, JSON as its text; everything else as hyparquet decodes it. */
export const parsers: Partial<ParquetParsers> = {
  timestampFromMilliseconds: (millis) => Number(millis),
  timestampFromMicroseconds: (micros) => floorDivide(micros, 1000n),
  timestampFromNanoseconds: (nanos) => floorDivide(nanos, 1_000_000n),
  dateFromDays: (days) => days * 86_400_000,
  jsonFromBytes: (bytes) => utf8.decode(bytes),
};

/** The column of a top-level schema element. Throws INVALID_INPUT naming a column that a flat table cannot hold. */
export function parquetColumn(node: SchemaTree, path: string): ParquetColumn {
  const { element } = node;
  const name = element.name;
  if (node.children.length > 0 || element.repetition_type === 'REPEATED') {
    const what = nestedNames[element.converted_type ?? ''] ?? 'a struct';
    throw malformed(path, { field: name }, `the column holds ${what}`, 'Keep one plain value in a column.');
  }
  const type = typeOf(element);
  if (type === undefined) {
    const what = element.logical_type?.type ?? element.converted_type ?? element.type ?? 'unknown';
    throw malformed(path, { field: name }, `columns of type ${what} cannot be read`, 'Store it as text or number.');
  }
  const compact = compactOf(type, element, path);
  const cell = type === 'timestamp' ? (ms: Cell) => (typeof ms === 'number' ? formatTimestamp(ms) : null) : same;
  return { name, type, compact: (value) => (value === undefined || value === null ? null : compact(value)), cell };
}

const nestedNames: Readonly<Record<string, string>> = { LIST: 'lists', MAP: 'maps', MAP_KEY_VALUE: 'maps' };

function typeOf(element: SchemaElement): ColumnType | undefined {
  const { type, converted_type: converted, logical_type: logical } = element;
  switch (converted) {
    case 'DATE':
    case 'TIMESTAMP_MILLIS':
    case 'TIMESTAMP_MICROS':
      return 'timestamp';
    case 'DECIMAL':
      return 'number';
    case 'TIME_MILLIS':
    case 'TIME_MICROS':
    case 'BSON':
    case 'INTERVAL':
      return undefined;
    default:
  }
  switch (logical?.type) {
    case 'TIMESTAMP':
      return 'timestamp';
    case 'FLOAT16':
      return 'number';
    case 'UUID':
    case 'NULL':
      return 'string';
    case 'TIME':
    case 'VARIANT':
    case 'GEOMETRY':
    case 'GEOGRAPHY':
      return undefined;
    default:
  }
  return physicalType(type);
}

function physicalType(type: SchemaElement['type']): ColumnType | undefined {
  switch (type) {
    case 'BOOLEAN':
      return 'boolean';
    case 'INT32':
    case 'INT64':
      return 'integer';
    case 'INT96':
      return 'timestamp';
    case 'FLOAT':
    case 'DOUBLE':
      return 'number';
    case 'BYTE_ARRAY':
      return 'string';
    default:
      return undefined;
  }
}

function compactOf(type: ColumnType, element: SchemaElement, path: string): (value: unknown) => Cell {
  if (type === 'integer') return (value) => (typeof value === 'bigint' ? integerCell(value) : Number(value));
  if (type === 'boolean') return (value) => value === true;
  if (type === 'string') return String;
  if (type === 'timestamp') {
    return (value) => {
      const ms = Number(value);
      if (Math.abs(ms) <= maxTimestamp) return ms;
      throw malformed(path, { field: element.name }, `a time ${ms} ms from 1970, more than 100,000,000 days`);
    };
  }
  if (element.converted_type !== 'DECIMAL') return (value) => finiteCell(Number(value));
  // hyparquet multiplies by 10^-scale; going back to the whole number and dividing gives the nearest double.
  const unit = 10 ** (element.scale ?? 0);
  return (value) => finiteCell(Math.round(Number(value) * unit) / unit);
}

function same(cell: Cell): Cell {
  return cell;
}

function floorDivide(value: bigint, divisor: bigint): number {
  return Number((value - (((value % divisor) + divisor) % divisor)) / divisor);
}
