import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openTable } from '../src/index.js';
import { columnsOf, complaint, fileOf, read } from './reading.js';

describe('CSV', () => {
  it('infers each type over the whole file', async () => {
    const { types, columns, rowCount } = await read(
      'csv',
      'i,n,b,t,d,s,code,none\n1,1,true,2013-01-01 05:15,2013-01-01,x,007,\n-2,1.5e3,False,2013-01-01T05:15:00.5+02:00,NA,1,12,NA\nNaN,,NA,null,2013-02-28,,NA,null\n',
    );
    expect(types).toEqual({
      i: 'integer',
      n: 'number',
      b: 'boolean',
      t: 'timestamp',
      d: 'timestamp',
      s: 'string',
      code: 'string',
      none: 'string',
    });
    expect(columns).toEqual({
      i: [1, -2, null],
      n: [1, 1500, null],
      b: [true, false, null],
      t: ['2013-01-01T05:15:00.000Z', '2013-01-01T03:15:00.500Z', null],
      d: ['2013-01-01T00:00:00.000Z', null, '2013-02-28T00:00:00.000Z'],
      s: ['x', '1', null],
      code: ['007', '12', null],
      none: [null, null, null],
    });
    expect(rowCount).toBe(3);
  });

  it('lets the last row decide when it does not fit what came before', async () => {
    const { types, columns } = await read('csv', 'a,b,c\n1,1,true\n2,2013-01-01,1\n2.5,3,x\n');
    expect(types).toEqual({ a: 'number', b: 'string', c: 'string' });
    expect(columns).toEqual({ a: [1, 2, 2.5], b: ['1', '2013-01-01', '3'], c: ['true', '1', 'x'] });
  });

  it('keeps integers beyond 2^53 as texts', async () => {
    const { types, columns } = await read('csv', 'id\n9007199254740991\n9007199254740993\n-12345678901234567890\n');
    expect(types).toEqual({ id: 'integer' });
    expect(columns).toEqual({ id: [9007199254740991, '9007199254740993', '-12345678901234567890'] });
  });

  it('reads quotes, embedded line breaks, CRLF, a byte order mark, blank lines and a missing last line break', async () => {
    const { columns } = await read('csv', '\ufeffa,"b ""q"""\r\n"1,\r\n2",x\r\n\r\n"","y\nz"\r\n3,');
    expect(columns).toEqual({ a: ['1,\r\n2', null, '3'], 'b "q"': ['x', 'y\nz', null] });
  });

  it('takes numbers that are not finite for null', async () => {
    const { types, columns } = await read('csv', 'x,i,s\ninf,1,inf\n-Infinity,nan,a\n2.5,N/A,b\n');
    expect(types).toEqual({ x: 'number', i: 'integer', s: 'string' });
    expect(columns).toEqual({ x: [null, null, 2.5], i: [1, null, null], s: ['inf', 'a', 'b'] });
  });

  it('takes blanks around numbers as blanks and those of texts as text', async () => {
    const { columns } = await read('csv', 'n,s\n 1 , x\n NA, NA\n');
    expect(columns).toEqual({ n: [1, null], s: [' x', ' NA'] });
  });

  it('reads pieces that cut quotes, line ends and characters anywhere', async () => {
    const rows = Array.from({ length: 9000 }, (_, i) => [`${'ü'.repeat(i % 7)}"${i}"\r\n,`, i] as const);
    const text = rows.map(([s, i]) => `"${s.replaceAll('"', '""')}",${i}\r\n`).join('');
    const { columns } = await read('csv', `s,i\r\n${text}`);
    expect(columns['s']).toEqual(rows.map(([s]) => s));
    expect(columns['i']).toEqual(rows.map(([, i]) => i));
  });

  it('inflates .csv.gz and hashes the bytes on the disk', async () => {
    const bytes = gzipSync('a\n1\n');
    const file = await openTable(fileOf('csv.gz', bytes));
    expect(await columnsOf(file)).toEqual({ a: [1] });
    expect(file.contentHash).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(await complaint(fileOf('csv.gz', bytes.subarray(0, 15)))).toMatch(/^INVALID_INPUT FILE: cannot be read: /);
  });

  it.each([
    ['a row with fewer fields', 'a,b\n1,2\n3\n', 'FILE:3:2: 1 fields where the header has 2 columns'],
    ['a row with more fields', 'a,b\r\n1,2\r\n3,44,5\r\n', 'FILE:3:6: more fields than the 2 columns of the header'],
    ['a row after a quoted line break', 'a,b\n"x\r\ny",2\n3', 'FILE:4:2: 1 fields where the header has 2 columns'],
    ['a quote left open', 'a,b\n1,"x\n2,y\n', 'FILE:2:3: this quote is never closed'],
    ['text after a quoted field', 'a\n"x"y\n', 'FILE:2:4: text after the closing quote of a field'],
    ['a quote within a plain field', 'a\nx"y\n', 'FILE:2:2: a quote within a field that does not begin with one'],
    [
      'a quote that runs away',
      `a\n"${'x\n'.repeat(600_000)}`,
      'FILE:2:1: a record longer than 1 MiB: is a quote left open?',
    ],
    ['an empty file', '', 'FILE:1: the file is empty: a header line is needed'],
    ['a column without a name', 'a,,c\n', 'FILE:1: column 2 has no name'],
    ['a name twice', 'a,b,a\n', "FILE:1: two columns are named 'a'"],
  ])('names the place of %s', async (_what, text, message) => {
    expect(await complaint(fileOf('csv', text))).toBe(`INVALID_INPUT ${message}`);
  });

  it('names the line of bytes that are not UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from('a\nü\nb'), Buffer.from([0xfc, 0x0a])]);
    expect(await complaint(fileOf('csv', bytes))).toBe('INVALID_INPUT FILE:3: the text is not UTF-8');
  });

  it('says when the file has changed since its types were inferred', async () => {
    const path = fileOf('csv', 'a\n1\n');
    const file = await openTable(path);
    writeFileSync(path, 'a\nx\n');
    await expect(columnsOf(file)).rejects.toMatchObject({ code: 'INVALID_INPUT', place: { line: 2, field: 'a' } });
  });
});
