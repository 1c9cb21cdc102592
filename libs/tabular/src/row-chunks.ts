import { RelearnError } from '@relearn/kernel';
import type { Cell, ChunkOptions, TableChunk } from './table.js';

const defaultRowsPerChunk = 1000;

/** Chunk options with their defaults. Throws INVALID_INPUT when out of range and CANCELLED when already aborted. */
export function chunkRange(options: ChunkOptions): { rowsPerChunk: number; fromRow: number } {
  const { rowsPerChunk = defaultRowsPerChunk, fromRow = 0, signal } = options;
  if (!Number.isSafeInteger(rowsPerChunk) || rowsPerChunk < 1) {
    throw new RelearnError('INVALID_INPUT', `rowsPerChunk must be a whole number from 1, not ${rowsPerChunk}`);
  }
  if (!Number.isSafeInteger(fromRow) || fromRow < 0) {
    throw new RelearnError('INVALID_INPUT', `fromRow must be a whole number from 0, not ${fromRow}`);
  }
  refuseAborted(signal);
  return { rowsPerChunk, fromRow };
}

/** Throws CANCELLED when the signal is aborted. */
export function refuseAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new RelearnError('CANCELLED', 'reading was cancelled', { cause: signal.reason });
}

/** Gathers the rows of a text file, read in batches, into chunks by column. */
export async function* chunksOfRows<Row>(
  batches: AsyncIterable<Row[]>,
  names: readonly string[],
  cellsOf: (row: Row) => Cell[],
  options: ChunkOptions,
): AsyncGenerator<TableChunk> {
  const { rowsPerChunk, fromRow } = chunkRange(options);
  let row = 0;
  let pending: Cell[][] = [];
  for await (const batch of batches) {
    for (const record of batch) {
      if (row++ < fromRow) continue;
      pending.push(cellsOf(record));
      if (pending.length < rowsPerChunk) continue;
      refuseAborted(options.signal);
      yield chunkOf(pending, names, row - pending.length);
      pending = [];
    }
    refuseAborted(options.signal);
  }
  if (pending.length > 0) yield chunkOf(pending, names, row - pending.length);
}

function chunkOf(rows: Cell[][], names: readonly string[], firstRow: number): TableChunk {
  const columns = names.map((name, index) => [name, rows.map((row) => row[index] ?? null)] as const);
  return { firstRow, rows: rows.length, columns: Object.fromEntries(columns) };
}
