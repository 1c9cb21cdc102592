import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openTable } from '../src/index.js';
import { columnsOf, complaint, fileOf, read } from './reading.js';

describe('JSON Lines', () => {
  it('unifies types over the file and takes missing keys for null', async () => {
    const { types, columns, rowCount } = await read(
      'jsonl',
      '{"i":1,"n":1,"t":"2013-01-01","mixed":1,"s":"a"}\n\n{"n":0.5,"i":null,"t":"2013-01-01T05:15Z","mixed":true,"b":false}\r\n{"s":"2013-01-01","mixed":"x"}',
    );
    expect(types).toEqual({ i: 'integer', n: 'number', t: 'timestamp', mixed: 'string', s: 'string', b: 'boolean' });
    expect(columns).toEqual({
      i: [1, null, null],
      n: [1, 0.5, null],
      t: ['2013-01-01T00:00:00.000Z', '2013-01-01T05:15:00.000Z', null],
      mixed: ['1', 'true', 'x'],
      s: ['a', null, '2013-01-01'],
      b: [null, false, null],
    });
    expect(rowCount).toBe(3);
  });

  it('keeps the digits of integers beyond 2^53, and leaves digits within texts alone', async () => {
    const { types, columns } = await read(
      'ndjson',
      '{"id":9007199254740993,"s":"a\\":12345678901234567890","x":1e20}\n{"id":1,"s":"b","x":10000000000000000000}\n',
    );
    expect(types).toEqual({ id: 'integer', s: 'string', x: 'number' });
    expect(columns).toEqual({
      id: ['9007199254740993', 1],
      s: ['a":12345678901234567890', 'b'],
      x: [1e20, 1e19],
    });
  });

  it('takes the words NaN and Infinity for null, but not within texts', async () => {
    const { types, columns } = await read(
      'jsonl',
      '{"a":NaN,"s":"NaN, -Infinity"}\n{"a":-Infinity,"s":"x"}\n{"a":1.5,"s":"y"}\n',
    );
    expect(types).toEqual({ a: 'number', s: 'string' });
    expect(columns).toEqual({ a: [null, null, 1.5], s: ['NaN, -Infinity', 'x', 'y'] });
  });

  it('inflates .jsonl.gz', async () => {
    const file = await openTable(fileOf('jsonl.gz', gzipSync('{"a":1}\n{"a":2}\n')));
    expect(await columnsOf(file)).toEqual({ a: [1, 2] });
  });

  it.each([
    ['a nested object', '{"a":1}\n{"a":{"b":1}}\n', /^INVALID_INPUT FILE:2: a: an object within the row$/],
    ['an array', '{"a":[1]}\n', /^INVALID_INPUT FILE:1: a: an array within the row$/],
    ['a line that is no object', '{"a":1}\n7\n', /^INVALID_INPUT FILE:2:1: each line must be one JSON object$/],
    ['a value that is missing', '{"a": }\n', /^INVALID_INPUT FILE:1:7: not JSON: /],
    ['a word that JSON lacks', '{"a":1, "b":nil}\n', /^INVALID_INPUT FILE:1:13: not JSON: /],
    ['a comma too many', '{"a":[1, {"b":2}],}\n', /^INVALID_INPUT FILE:1:19: not JSON: /],
    ['a tab within a text', '{"a":"\u007f\t"}\n', /^INVALID_INPUT FILE:1:6: not JSON: /],
    ['a line cut off', '{"a":1}\n{"a":"x', /^INVALID_INPUT FILE:2:6: not JSON: /],
    ['two objects on a line', '{"a":1} {"a":2}\n', /^INVALID_INPUT FILE:1:9: not JSON: /],
    ['a line without end', 'x'.repeat(1_200_000), /^INVALID_INPUT FILE:1: a line longer than 1 MiB$/],
  ])('names the place of %s', async (_what, text, message) => {
    expect(await complaint(fileOf('jsonl', text))).toMatch(message);
  });
});
