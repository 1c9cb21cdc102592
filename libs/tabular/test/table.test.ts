import { describe, expect, it } from 'vitest';
import { openTable, profileTable } from '../src/index.js';
import { columnsOf, complaint, fileOf, fixture } from './reading.js';

const sources = {
  csv: () => fileOf('csv', `row\n${[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].join('\n')}\n`),
  jsonl: () => fileOf('jsonl', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((row) => `{"row":${row}}\n`).join('')),
  parquet: () => fixture('groups-zstd.parquet'),
};

describe.each(Object.entries(sources))('chunks of %s', (_format, source) => {
  it('follow each other without a gap from any row', async () => {
    const file = await openTable(source());
    for (const fromRow of [0, 1, 4, 5, 9, 10, 11]) {
      let next = fromRow;
      for await (const chunk of file.chunks({ fromRow, rowsPerChunk: 3 })) {
        expect(chunk.firstRow).toBe(next);
        expect(chunk.rows).toBeLessThanOrEqual(3);
        expect(chunk.columns['row']).toEqual(Array.from({ length: chunk.rows }, (_, i) => next + i));
        next += chunk.rows;
      }
      expect(next).toBe(Math.max(10, fromRow));
    }
  });

  it('end with CANCELLED when the signal aborts', async () => {
    const file = await openTable(source());
    const abort = new AbortController();
    const rows: number[] = [];
    const reading = async () => {
      for await (const chunk of file.chunks({ rowsPerChunk: 2, signal: abort.signal })) {
        rows.push(chunk.firstRow);
        abort.abort();
      }
    };
    await expect(reading()).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(rows).toEqual([0]);
  });

  it('refuse sizes that make no sense', async () => {
    const file = await openTable(source());
    await expect(columnsOf(file, { rowsPerChunk: 0 })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(columnsOf(file, { fromRow: -1 })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });
});

describe('openTable', () => {
  it.each(['csv', 'jsonl', 'parquet'])('says NOT_FOUND for a .%s that is not there', async (extension) => {
    expect(await complaint(`/nowhere/at/all.${extension}`)).toMatch(/^NOT_FOUND FILE: /);
  });

  it('refuses an extension that it does not know', async () => {
    expect(await complaint(fileOf('xlsx', ''))).toMatch(/^INVALID_INPUT FILE: /);
  });
});

describe('profileTable', () => {
  it('counts, orders and bounds what the columns hold', async () => {
    const rows = Array.from({ length: 2500 }, (_, i) => `${i},${i % 3 === 0 ? 'NA' : `c${i % 3}`},${i % 2}.5,x`);
    const file = await openTable(fileOf('csv', `id,class,half,s\n${rows.join('\n')}\n`));
    const [id, category, half] = await profileTable(file);
    expect(id).toMatchObject({ name: 'id', type: 'integer', rows: 2500, nulls: 0, distinct: 1000, min: 0, max: 2499 });
    expect(id?.topValues).toHaveLength(100);
    expect(category).toEqual({
      name: 'class',
      type: 'string',
      rows: 2500,
      nulls: 834,
      distinct: 2,
      min: 'c1',
      max: 'c2',
      topValues: [
        { value: 'c1', count: 833 },
        { value: 'c2', count: 833 },
      ],
      looksLikeTimestamp: false,
    });
    expect(half).toMatchObject({ type: 'number', min: 0.5, max: 1.5, distinct: 2 });
  });

  it('looks at the first rows only when told so', async () => {
    const file = await openTable(sources.csv());
    expect(await profileTable(file, { maxRows: 4 })).toMatchObject([{ rows: 4, min: 0, max: 3, distinct: 4 }]);
    expect(await profileTable(file, { maxRows: 0 })).toMatchObject([{ rows: 0, min: null, looksLikeTimestamp: false }]);
  });

  it('compares integers beyond 2^53 by size', async () => {
    const file = await openTable(fileOf('csv', 'id\n9007199254740993\n5\n10000000000000000\n-9007199254740995\n'));
    expect(await profileTable(file)).toMatchObject([{ min: '-9007199254740995', max: '10000000000000000' }]);
  });

  it('takes times for times and never numbers', async () => {
    const file = await openTable(fileOf('csv', 't,epoch,none,s\n2013-01-01,1357017300,,x\n2013-01-02,1357017301,,y\n'));
    const profile = await profileTable(file);
    expect(profile.filter((column) => column.looksLikeTimestamp).map((column) => column.name)).toEqual(['t']);
  });
});
