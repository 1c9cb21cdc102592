/** The type of a column, the same over all rows of a file. */
export type ColumnType = 'integer' | 'number' | 'boolean' | 'timestamp' | 'string';

export interface TableSchema {
  columns: { name: string; type: ColumnType }[];
}

/**
 * One value as JSON can hold it. Timestamps are ISO 8601 UTC texts `YYYY-MM-DDTHH:mm:ss.sssZ`; integers beyond
 * ±(2^53 - 1) are decimal texts; numbers that are not finite are null.
 */
export type Cell = string | number | boolean | null;

/** Consecutive rows by column: `columns[name]` has `rows` cells, the first of row `firstRow` (0-based) of the file. */
export interface TableChunk {
  firstRow: number;
  rows: number;
  columns: Record<string, Cell[]>;
}

export interface ChunkOptions {
  /** Most rows in a chunk, at least 1; 1,000 when not given. */
  rowsPerChunk?: number;
  /** Row (0-based) of the file to begin with; 0 when not given. */
  fromRow?: number;
  /** Ends the reading with CANCELLED before the next chunk. */
  signal?: AbortSignal;
}

/** A data file whose schema is known; its rows are read anew by each call of `chunks`. */
export interface TableFile {
  path: string;
  format: 'csv' | 'jsonl' | 'parquet';
  schema: TableSchema;
  rowCount: number | null;
  /** SHA-256 of the file's bytes as they are on the disk, in hex. */
  contentHash: string;
  /** Rows in the order of the file. Throws INVALID_INPUT, naming the place, when a value cannot be read. */
  chunks(options?: ChunkOptions): AsyncIterable<TableChunk>;
}
