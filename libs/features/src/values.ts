import type { Cell, ColumnSpec } from '@relearn/contracts';
import { parseTimestamp } from '@relearn/kernel';

export type ColumnType = ColumnSpec['type'];

/** The cell as a finite number (booleans are 0 and 1), else null. */
export function numberOf(cell: Cell | undefined): number | null {
  if (typeof cell === 'number') return Number.isFinite(cell) ? cell : null;
  return typeof cell === 'boolean' ? Number(cell) : null;
}

/** The cell as a category's text, else null. */
export function categoryOf(cell: Cell | undefined): string | null {
  if (typeof cell === 'string') return cell;
  return cell === null || cell === undefined ? null : String(cell);
}

/** Milliseconds since 1970 UTC of a timestamp cell: a number as it is, or an ISO 8601 text. */
export function timestampOf(cell: Cell | undefined): number | null {
  if (typeof cell === 'string') return parseTimestamp(cell);
  return typeof cell === 'number' && Number.isFinite(cell) ? cell : null;
}

export function isNumeric(type: ColumnType): boolean {
  return type !== 'string' && type !== 'category';
}

const greatestMagnitude = 2 ** 400;
const leastMagnitude = 2 ** -485;

/**
 * A number as windows keep it. Squares must stay exact: magnitudes above 2^400 (2.6e120) count as missing, those
 * below 2^-485 (1e-146) as 0.
 */
export function windowNumberOf(cell: Cell | undefined): number | null {
  const value = numberOf(cell);
  if (value === null) return null;
  const magnitude = Math.abs(value);
  if (magnitude > greatestMagnitude) return null;
  return magnitude < leastMagnitude ? 0 : value;
}
