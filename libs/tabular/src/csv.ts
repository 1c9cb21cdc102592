import { hashFile, readText } from './byte-source.js';
import { cellOfField, kindOfField } from './csv-cell.js';
import { type CsvRecord, CsvScanner } from './csv-scanner.js';
import { malformed } from './failure.js';
import { chunksOfRows } from './row-chunks.js';
import type { Cell, TableFile, TableSchema } from './table.js';
import { kind, unifiedType } from './value-kind.js';

/**
 * A CSV file (RFC 4180, UTF-8, with a header), its column types inferred from all of its rows in a first streamed
 * pass. An empty field, NA, N/A, NaN, null and a number that is not finite are null. Throws INVALID_INPUT with file,
 * line and column.
 */
export async function openCsv(path: string): Promise<TableFile> {
  const contentHash = await hashFile(path);
  let header: string[] | undefined;
  let seen: number[] = [];
  let rowCount = 0;
  for await (const batch of csvRecords(path)) {
    for (const record of batch) {
      if (header === undefined) {
        header = headerOf(record, path);
        seen = header.map(() => kind.none);
        continue;
      }
      rowCount++;
      // Once a column holds a text its type is settled, and the costlier tests are spared.
      seen = seen.map((kinds, i) => (kinds >= kind.text ? kinds : kinds | kindOfField(record.fields[i] ?? '')));
    }
  }
  if (header === undefined) throw malformed(path, { line: 1 }, 'the file is empty: a header line is needed');
  const schema: TableSchema = { columns: header.map((name, i) => ({ name, type: unifiedType(seen[i] ?? kind.none) })) };
  return {
    path,
    format: 'csv',
    schema,
    rowCount,
    contentHash,
    chunks: (options = {}) => {
      const names = schema.columns.map((column) => column.name);
      return chunksOfRows(withoutHeader(csvRecords(path)), names, (record) => cellsOf(record, schema, path), options);
    },
  };
}

async function* csvRecords(path: string): AsyncGenerator<CsvRecord[]> {
  const scanner = new CsvScanner(path);
  for await (const text of readText(path, () => scanner.currentLine)) yield scanner.push(text);
  yield scanner.end();
}

async function* withoutHeader(batches: AsyncIterable<CsvRecord[]>): AsyncGenerator<CsvRecord[]> {
  let begun = false;
  for await (const batch of batches) {
    yield begun ? batch : batch.slice(1);
    begun ||= batch.length > 0;
  }
}

function headerOf(record: CsvRecord, path: string): string[] {
  record.fields.forEach((name, index) => {
    const place = { line: record.line };
    if (name.trim() === '') throw malformed(path, place, `column ${index + 1} has no name`, 'Name it in the header.');
    if (record.fields.indexOf(name) < index) {
      throw malformed(path, place, `two columns are named '${name}'`, 'Give each column a name of its own.');
    }
  });
  return record.fields;
}

function cellsOf(record: CsvRecord, schema: TableSchema, path: string): Cell[] {
  return schema.columns.map(({ name, type }, index) => {
    const cell = cellOfField(record.fields[index] ?? '', type);
    if (cell !== undefined) return cell;
    const message = `'${record.fields[index]}' is no ${type}: the file has changed since it was opened`;
    throw malformed(path, { line: record.line, field: name }, message, 'Open the file anew.');
  });
}
