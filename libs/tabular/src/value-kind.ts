import type { ColumnType } from './table.js';

/** What one value can be taken for; a column's kinds are the bits of all its values that are not null. */
export const kind = { none: 0, integer: 1, number: 2, boolean: 4, timestamp: 8, text: 16 } as const;

/** The narrowest type that holds all the kinds seen in a column; a column of nulls only is of strings. */
export function unifiedType(seen: number): ColumnType {
  if (seen === kind.integer) return 'integer';
  if (seen === kind.number || seen === (kind.integer | kind.number)) return 'number';
  if (seen === kind.boolean) return 'boolean';
  if (seen === kind.timestamp) return 'timestamp';
  return 'string';
}

/** A number as a cell: null when not finite, and no negative zero, which JSON would not keep. */
export function finiteCell(value: number): number | null {
  if (!Number.isFinite(value)) return null;
  return value === 0 ? 0 : value;
}

/** An integer as a cell: a number where that is exact, else its decimal digits. */
export function integerCell(value: bigint): number | string {
  const near = Number(value);
  return Number.isSafeInteger(near) ? near : value.toString();
}
