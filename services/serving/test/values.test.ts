import { sha256 } from '@relearn/kernel';
import { describe, expect, it } from 'vitest';
import { columnsByName, valuesOf } from '../src/inference/values.js';
import { byteStrings, fp32 } from './serve.js';

const spec = (datatype: 'FP32' | 'BYTES', width: number) => ({ name: 'x', datatype, shape: [-1, width] });

describe('what the log says of a tensor', () => {
  it('is one column a value of a row', () => {
    const tensor = { shape: [2, 2], bytes: fp32(1, 2, 3, Number.NaN) };
    expect(columnsByName([valuesOf(spec('FP32', 2), tensor)])).toEqual({ 'x[0]': [1, 3], 'x[1]': [2, null] });
    const one = { shape: [2, 1], bytes: byteStrings('a', 'b') };
    expect(columnsByName([valuesOf(spec('BYTES', 1), one)])).toEqual({ x: ['a', 'b'] });
  });

  it('is the digest of each row where a row has more than 1,000 values', () => {
    const width = 150_528;
    const rows = [0, 1].map((row) => Buffer.from(Float32Array.from({ length: width }, (_, at) => row + at).buffer));
    const wide = valuesOf(spec('FP32', width), { shape: [2, width], bytes: Buffer.concat(rows) });
    expect(columnsByName([wide])).toEqual({ x: rows.map((bytes) => `sha256:${sha256(bytes)}`) });
    const texts = Array.from({ length: 2_002 }, (_, at) => String(at));
    const strings = valuesOf(spec('BYTES', 1_001), { shape: [2, 1_001], bytes: byteStrings(...texts) });
    expect(strings.values).toEqual(
      [texts.slice(0, 1_001), texts.slice(1_001)].map((row) => `sha256:${sha256(byteStrings(...row))}`),
    );
  });

  it('splits a wide row in the time that its values take', () => {
    const width = 1_000;
    const tensor = { shape: [1_000, width], bytes: Buffer.alloc(4 * 1_000 * width) };
    const columns = columnsByName([valuesOf(spec('FP32', width), tensor)]);
    expect([Object.keys(columns).length, columns['x[999]']?.length]).toEqual([width, 1_000]);
  });
});
