import { hashFile, readText } from './byte-source.js';
import { malformed } from './failure.js';
import { cellOfValue, type JsonRow, kindOfValue, parseRow } from './jsonl-row.js';
import { chunksOfRows } from './row-chunks.js';
import type { Cell, TableFile, TableSchema } from './table.js';
import { kind, unifiedType } from './value-kind.js';

const maxLineLength = 1 << 20;

interface NumberedRow {
  readonly line: number;
  readonly values: JsonRow;
}

/**
 * A file of JSON Lines (https://jsonlines.org): one flat object a line, blank lines skipped. Columns are the keys of
 * all rows in the order of their first appearance, a missing key is null, and a column's type holds all of its values.
 * Throws INVALID_INPUT with file and line, and column or key.
 */
export async function openJsonl(path: string): Promise<TableFile> {
  const contentHash = await hashFile(path);
  const seen = new Map<string, number>();
  let rowCount = 0;
  for await (const batch of jsonlRows(path)) {
    rowCount += batch.length;
    for (const row of batch) {
      for (const [key, value] of row.values) {
        const kinds = seen.get(key) ?? kind.none;
        if (kinds < kind.text) seen.set(key, kinds | kindOfValue(value));
      }
    }
  }
  const schema: TableSchema = { columns: [...seen].map(([name, kinds]) => ({ name, type: unifiedType(kinds) })) };
  return {
    path,
    format: 'jsonl',
    schema,
    rowCount,
    contentHash,
    chunks: (options = {}) => {
      const names = schema.columns.map((column) => column.name);
      return chunksOfRows(jsonlRows(path), names, (row) => cellsOf(row, schema, path), options);
    },
  };
}

async function* jsonlRows(path: string): AsyncGenerator<NumberedRow[]> {
  let rest = '';
  let line = 1;
  const rowsOf = (texts: string[]): NumberedRow[] => {
    const rows: NumberedRow[] = [];
    for (const text of texts) {
      if (text.trim() !== '') rows.push({ line, values: parseRow(text, path, line) });
      line++;
    }
    return rows;
  };
  for await (const text of readText(path, () => line)) {
    const texts = (rest + text).split('\n');
    rest = texts.pop() ?? '';
    yield rowsOf(texts);
    if (rest.length > maxLineLength) throw malformed(path, { line }, 'a line longer than 1 MiB');
  }
  yield rowsOf([rest]);
}

function cellsOf(row: NumberedRow, schema: TableSchema, path: string): Cell[] {
  return schema.columns.map(({ name, type }) => {
    const cell = cellOfValue(row.values.get(name) ?? null, type);
    if (cell !== undefined) return cell;
    const message = `not a value of type ${type}: the file has changed since it was opened`;
    throw malformed(path, { line: row.line, field: name }, message, 'Open the file anew.');
  });
}
