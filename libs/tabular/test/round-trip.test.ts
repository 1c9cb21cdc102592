import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Cell, type ColumnType, formatTimestamp, openTable, parseTimestamp } from '../src/index.js';
import { columnsOf, fileOf } from './reading.js';

interface Table {
  readonly columns: readonly { name: string; type: ColumnType; cells: Cell[] }[];
  readonly rows: number;
}

const nulls = ['', 'NA', 'NaN', 'null'];
const looksTyped = (text: string) =>
  /^[\d.+-]|^(true|false)$/i.test(text.trim()) || parseTimestamp(text.trim()) !== null || nulls.includes(text.trim());
// A letter first: texts that are no value of another type.
const text = fc.string({ unit: fc.constantFrom('a', 'ü', '😀', ' ', ',', '"', '\n', '\r', ';', '\\', '1') });
const plainText = text.filter((value) => !looksTyped(value) && !value.startsWith('\ufeff'));

const cellOf: Readonly<Record<ColumnType, fc.Arbitrary<Cell>>> = {
  integer: fc.oneof(
    fc.maxSafeInteger().map((value) => (value === 0 ? 0 : value)),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 70n }).map(String),
  ),
  number: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (Number.isInteger(value) ? 0.5 : value)),
  boolean: fc.boolean(),
  timestamp: fc
    .date({ min: new Date(0), max: new Date('2099-12-31'), noInvalidDate: true })
    .map((at) => at.toISOString()),
  string: plainText,
};

const table: fc.Arbitrary<Table> = fc
  .record({
    names: fc.uniqueArray(plainText, { minLength: 1, maxLength: 5 }),
    rows: fc.integer({ min: 1, max: 12 }),
  })
  .chain(({ names, rows }) =>
    fc.tuple(...names.map((name) => columnArbitrary(name, rows))).map((columns) => ({ columns, rows })),
  );

function columnArbitrary(name: string, rows: number) {
  return fc.constantFrom<ColumnType>('integer', 'number', 'boolean', 'timestamp', 'string').chain((type) =>
    fc
      // The first cell is no null, so that the type can be told.
      .tuple(cellOf[type], fc.array(fc.option(cellOf[type]), { minLength: rows - 1, maxLength: rows - 1 }))
      .map(([first, rest]) => ({ name, type, cells: [first, ...rest] })),
  );
}

function asCsv({ columns, rows }: Table, lineBreak: string): string {
  const field = (value: Cell) => (value === null ? '' : `"${String(value).replaceAll('"', '""')}"`);
  const lines = Array.from({ length: rows }, (_, row) => columns.map(({ cells }) => field(cells[row] ?? null)));
  // A row of one null would be a blank line: RFC 4180 needs quotes there.
  const written = lines.map((line) => (line.join(',') === '' ? '""' : line.join(',')));
  return [columns.map(({ name }) => field(name)).join(','), ...written].join(lineBreak);
}

function asJsonl({ columns, rows }: Table): string {
  const value = (type: ColumnType, cell: Cell) => (type === 'integer' ? String(cell) : JSON.stringify(cell));
  return Array.from({ length: rows }, (_, row) => {
    const pairs = columns
      .filter(({ cells }) => cells[row] !== null)
      .map(({ name, type, cells }) => `${JSON.stringify(name)}:${value(type, cells[row] ?? null)}`);
    return `{${pairs.join(',')}}`;
  }).join('\n');
}

async function expectSame(path: string, { columns, rows }: Table): Promise<void> {
  const file = await openTable(path);
  expect(file.rowCount).toBe(rows);
  expect(file.schema.columns).toEqual(columns.map(({ name, type }) => ({ name, type })));
  expect(await columnsOf(file, { rowsPerChunk: 5 })).toEqual(
    Object.fromEntries(columns.map(({ name, cells }) => [name, cells])),
  );
}

it('given any table, when it is written as CSV and as JSON Lines, then it reads back the same', async () => {
  await fc.assert(
    fc.asyncProperty(table, fc.constantFrom('\n', '\r\n', '\r'), async (given, lineBreak) => {
      await expectSame(fileOf('csv', asCsv(given, lineBreak)), given);
      await expectSame(fileOf('jsonl', asJsonl(given)), given);
    }),
    { numRuns: 200 },
  );
});

it('given any time, when it is written and parsed, then it is the same', () => {
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }), (at) => {
      expect(parseTimestamp(formatTimestamp(at.getTime()))).toBe(at.getTime());
    }),
  );
});
