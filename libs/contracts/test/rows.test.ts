import { describe, expect, it } from 'vitest';
import {
  BatchBuilder,
  type Cell,
  dataReceived,
  decodeEvent,
  encodeEvent,
  type Event,
  recordsOf,
  valuesOf,
} from '../src/index.js';

/** A record's values under names that every object has; `__proto__` as JSON gives it. */
function awkward(constructor: Cell, proto: Cell): Record<string, Cell> {
  return JSON.parse(
    JSON.stringify({ constructor, toString: 1 }).replace(/}$/, `,"__proto__":${JSON.stringify(proto)}}`),
  );
}

describe('a batch', () => {
  it('keeps columns of any name, through the log and back', () => {
    const builder = new BatchBuilder();
    builder.add('rows', 'a', 1, { plain: 'x' });
    builder.add('rows', 'b', 2, awkward('c', 'd'));
    builder.add('labels', 'l', 3, { value: 1 });
    builder.add('rows', 'c', 4, awkward(null, 7));
    const attributes = {
      id: 'e',
      source: 's',
      type: dataReceived.type,
      sequence: 0,
      previous: null,
      pipelineversion: 1,
    };
    const event: Event = { ...attributes, time: '2024-01-01T00:00:00.000Z', pipeline: 'p', data: builder.build() };
    const records = [...recordsOf(dataReceived.read(decodeEvent(encodeEvent(event))).data)].map(valuesOf);
    const names = ['plain', 'constructor', 'toString', '__proto__', 'value', 'valueOf'];
    expect(records.map((values) => names.map((name) => values[name]))).toEqual([
      ['x', null, null, null, undefined, undefined],
      [null, 'c', 1, 'd', undefined, undefined],
      [undefined, undefined, undefined, undefined, 1, undefined],
      [null, null, 1, 7, undefined, undefined],
    ]);
  });
});
