import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openTable } from '../src/index.js';
import { columnsOf, complaint, fileOf, fixture } from './reading.js';

// The files of test/fixtures are written by make.py there (pyarrow).
describe('Parquet', () => {
  it('turns every plain type into cells', async () => {
    const file = await openTable(fixture('types.parquet'));
    expect(file.schema.columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'text string',
      'small integer',
      'big integer',
      'unsigned integer',
      'float number',
      'double number',
      'flag boolean',
      'millis timestamp',
      'micros timestamp',
      'nanos timestamp',
      'zoned timestamp',
      'day timestamp',
      'price number',
      'nothing string',
      'dotted.name string',
    ]);
    const moments = ['2013-01-01T05:15:00.123Z', null, '1969-12-31T23:59:59.999Z'];
    expect(await columnsOf(file)).toEqual({
      text: ['a', null, 'ü,"\n'],
      small: [1, null, -3],
      big: [9007199254740991, null, '9007199254740993'],
      unsigned: [0, null, '18446744073709551615'],
      float: [1.5, null, null],
      double: [0.1, null, 0],
      flag: [true, null, false],
      millis: moments,
      micros: moments,
      nanos: moments,
      zoned: moments,
      day: ['2013-01-01T00:00:00.000Z', null, '1969-12-31T00:00:00.000Z'],
      price: [0.3, null, -12.7],
      nothing: [null, null, null],
      'dotted.name': ['x', 'y', 'z'],
    });
  });

  it.each(['none', 'snappy', 'gzip', 'brotli', 'lz4', 'zstd'])('reads row groups compressed by %s', async (codec) => {
    const file = await openTable(fixture(`groups-${codec}.parquet`));
    expect(file.rowCount).toBe(10);
    expect(await columnsOf(file)).toEqual({
      row: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      name: ['r0', 'r1', 'r2', 'r0', 'r1', 'r2', 'r0', 'r1', 'r2', 'r0'],
    });
  });

  it.each([
    ['list', 'the column holds lists'],
    ['struct', 'the column holds a struct'],
    ['map', 'the column holds maps'],
    ['time', 'columns of type TIME cannot be read'],
  ])('names the column of a %s', async (name, message) => {
    expect(await complaint(fixture(`${name}.parquet`))).toBe(`INVALID_INPUT FILE: ${name}: ${message}`);
  });

  it('says what is broken in a damaged file', async () => {
    const whole = readFileSync(fixture('types.parquet'));
    const cannotBeRead = /^INVALID_INPUT FILE: cannot be read: /;
    expect(await complaint(fileOf('parquet', whole.subarray(0, 1000)))).toMatch(cannotBeRead);
    expect(await complaint(fileOf('parquet', ''))).toMatch(cannotBeRead);
    const damaged = Buffer.from(whole);
    damaged.fill(0xff, 4, 60);
    expect(await complaint(fileOf('parquet', damaged))).toMatch(/^INVALID_INPUT FILE: text: /);
  });
});
