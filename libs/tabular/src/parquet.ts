import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
  parquetSchema,
} from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { unreadable } from '@relearn/kernel';
import { hashFile } from './byte-source.js';
import { malformed } from './failure.js';
import { type ParquetColumn, parquetColumn, parsers } from './parquet-column.js';
import { chunkRange, refuseAborted } from './row-chunks.js';
import type { Cell, ChunkOptions, TableChunk, TableFile } from './table.js';

/** Rows decoded at once: bounds the memory, and how long decoding one column keeps the thread. */
const decodedRows = 50_000;

interface OpenParquet {
  readonly path: string;
  readonly file: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly columns: readonly ParquetColumn[];
}

/**
 * A Parquet file of plain columns (https://parquet.apache.org/docs/file-format/); what pandas notes in its metadata
 * is not looked at. Times without a zone are UTC. Some 50,000 rows, of one row group, are held at a time. Throws INVALID_INPUT
 * naming the file, and the column where it is one.
 */
export async function openParquet(path: string): Promise<TableFile> {
  const contentHash = await hashFile(path);
  const open = await openMetadata(path);
  return {
    path,
    format: 'parquet',
    schema: { columns: open.columns.map(({ name, type }) => ({ name, type })) },
    rowCount: Number(open.metadata.num_rows),
    contentHash,
    chunks: (options = {}) => parquetChunks(open, options),
  };
}

async function openMetadata(path: string): Promise<OpenParquet> {
  let file: AsyncBuffer;
  let metadata: FileMetaData;
  try {
    file = await asyncBufferFromFile(path);
    metadata = await parquetMetadataAsync(file, { parsers, geoparquet: false });
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
  const columns = parquetSchema(metadata).children.map((node) => parquetColumn(node, path));
  columns.forEach(({ name }, index) => {
    if (columns.findIndex((column) => column.name === name) < index) {
      throw malformed(path, { field: name }, 'two columns have this name', 'Give each column a name of its own.');
    }
  });
  return { path, file, metadata, columns };
}

async function* parquetChunks(open: OpenParquet, options: ChunkOptions): AsyncGenerator<TableChunk> {
  const { rowsPerChunk, fromRow } = chunkRange(options);
  const rowsAtOnce = Math.ceil(decodedRows / rowsPerChunk) * rowsPerChunk;
  let groupStart = 0;
  for (const group of open.metadata.row_groups) {
    const groupEnd = groupStart + Number(group.num_rows);
    for (let start = Math.max(groupStart, fromRow); start < groupEnd; start += rowsAtOnce) {
      const end = Math.min(start + rowsAtOnce, groupEnd);
      const columns = await readRows(open, start, end, options.signal);
      for (let first = start; first < end; first += rowsPerChunk) {
        refuseAborted(options.signal);
        yield chunkOf(open.columns, columns, first - start, Math.min(first + rowsPerChunk, end) - start, first);
      }
    }
    groupStart = groupEnd;
  }
}

function chunkOf(
  columns: readonly ParquetColumn[],
  values: readonly Cell[][],
  from: number,
  to: number,
  firstRow: number,
): TableChunk {
  const entries = columns.map(({ name, cell }, i) => [name, (values[i] ?? []).slice(from, to).map(cell)] as const);
  return { firstRow, rows: to - from, columns: Object.fromEntries(entries) };
}

/** All columns of some rows, one after the other, so that other work of the process gets its turn between them. */
async function readRows(
  open: OpenParquet,
  start: number,
  end: number,
  signal: AbortSignal | undefined,
): Promise<Cell[][]> {
  const columns: Cell[][] = [];
  for (const column of open.columns) {
    refuseAborted(signal);
    columns.push(await readColumn(open, column, start, end));
  }
  return columns;
}

async function readColumn(open: OpenParquet, column: ParquetColumn, start: number, end: number): Promise<Cell[]> {
  const { file, metadata, path } = open;
  const pages: { rowStart: number; columnData: ArrayLike<unknown> }[] = [];
  try {
    await parquetRead({
      file,
      metadata,
      columns: [column.name],
      rowStart: start,
      rowEnd: end,
      compressors,
      parsers,
      geoparquet: false,
      onChunk: (page) => pages.push(page),
    });
  } catch (thrown) {
    throw unreadable(path, thrown, column.name);
  }
  const cells: Cell[] = [];
  // Pages come whole: what lies before and after the rows asked for is passed over.
  for (const { rowStart, columnData } of pages) {
    const to = Math.min(columnData.length, end - rowStart);
    for (let i = Math.max(0, start - rowStart); i < to; i++) cells.push(column.compact(columnData[i]));
  }
  if (cells.length === end - start) return cells;
  throw malformed(path, { field: column.name }, `${cells.length} values where ${end - start} rows are declared`);
}
