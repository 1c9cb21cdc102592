import { RelearnError } from '@relearn/kernel';
import { openCsv } from './csv.js';
import { openJsonl } from './jsonl.js';
import type { TableFile } from './table.js';

/** Loaded by who reads one: few processes do, and all would take the time at their start. */
const openParquet = async (path: string) => (await import('./parquet.js')).openParquet(path);

const openers: readonly { extension: string; open: (path: string) => Promise<TableFile> }[] = [
  { extension: '.csv', open: openCsv },
  { extension: '.csv.gz', open: openCsv },
  { extension: '.jsonl', open: openJsonl },
  { extension: '.jsonl.gz', open: openJsonl },
  { extension: '.ndjson', open: openJsonl },
  { extension: '.ndjson.gz', open: openJsonl },
  { extension: '.parquet', open: openParquet },
];

/**
 * Opens a data file by its extension and learns its schema: CSV and JSON Lines are read through once for it, Parquet
 * states its own. Throws NOT_FOUND, STORAGE_FAILED, or INVALID_INPUT naming file, line, column or field.
 */
export async function openTable(path: string): Promise<TableFile> {
  const opener = openers.find(({ extension }) => path.toLowerCase().endsWith(extension));
  if (opener !== undefined) return opener.open(path);
  throw new RelearnError(
    'INVALID_INPUT',
    'the kind of a data file is told by its extension, and this one is not known',
    {
      place: { file: path },
      remedy: `Name it ${openers.map(({ extension }) => extension).join(', ')}.`,
    },
  );
}
