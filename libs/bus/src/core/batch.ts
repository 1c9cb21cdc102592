import { RelearnError } from '@relearn/kernel';
import type { Position, ReadLimits } from '../port.js';
import type { LogEntry } from './log.js';
import { recordBytes } from './records.js';

/** Entries from the position on, as many as the limits allow and one at least; `entries` are in the order of positions. */
export function cutBatch(entries: readonly LogEntry[], from: Position, limits: ReadLimits): LogEntry[] {
  const start = lowest(entries, (entry) => entry.position >= from);
  const sizes = entries.slice(start, start + limits.maxRecords).map(({ head, value }) => recordBytes(head, value));
  return entries.slice(start, start + fitting(sizes, limits.maxBytes));
}

/** How many of the sizes, from the first on, fit together; one at least if there is one. */
export function fitting(sizes: readonly number[], maxBytes: number): number {
  let sum = 0;
  for (const [index, size] of sizes.entries()) {
    sum += size;
    if (sum > maxBytes && index > 0) return index;
  }
  return sizes.length;
}

/** Index of the first entry for which the condition holds, where it holds for all after that one; the length when for none. */
export function lowest(entries: readonly LogEntry[], holds: (entry: LogEntry) => boolean): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = entries[middle];
    if (entry !== undefined && holds(entry)) high = middle;
    else low = middle + 1;
  }
  return low;
}

export function checkLimits({ maxRecords, maxBytes }: ReadLimits): void {
  if (maxRecords >= 1 && maxBytes >= 1) return;
  throw new RelearnError('INVALID_INPUT', `limits of ${maxRecords} records and ${maxBytes} bytes`);
}
