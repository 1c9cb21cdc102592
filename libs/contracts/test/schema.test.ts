import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { eventTypes, type Static, Type, Validator } from '../src/index.js';

const closed = { additionalProperties: false };
const Flight = Type.Object(
  {
    carrier: Type.String({ minLength: 2 }),
    delay: Type.Union([Type.Number(), Type.Null()]),
    state: Type.Enum(['on time', 'late']),
    kind: Type.Literal('flight'),
    cells: Type.Record(Type.String(), Type.Array(Type.Union([Type.String(), Type.Boolean()]))),
    range: Type.Tuple([Type.Number(), Type.Integer()]),
    note: Type.Optional(Type.Union([Type.Object({ text: Type.String() }, closed), Type.Null()])),
  },
  closed,
);
const flight: Static<typeof Flight> = {
  carrier: 'UA',
  delay: null,
  state: 'late',
  kind: 'flight',
  cells: { tail: ['N1', true] },
  range: [0.5, 2],
};

describe('a schema', () => {
  it('has the type of what fits it', () => {
    expectTypeOf<Static<typeof Flight>>().toEqualTypeOf<{
      carrier: string;
      delay: number | null;
      state: 'on time' | 'late';
      kind: 'flight';
      cells: Record<string, (string | boolean)[]>;
      range: [number, number];
      note?: { text: string } | null;
    }>();
  });

  it('is JSON Schema, as everybody reads it', () => {
    expect(JSON.parse(JSON.stringify(Flight))).toMatchObject({
      type: 'object',
      required: ['carrier', 'delay', 'state', 'kind', 'cells', 'range'],
      properties: {
        delay: { anyOf: [{ type: 'number' }, { type: 'null' }] },
        kind: { type: 'string', const: 'flight' },
        cells: { type: 'object', patternProperties: { '^.*$': { type: 'array' } } },
        range: { type: 'array', items: [{ type: 'number' }, { type: 'integer' }], additionalItems: false, minItems: 2 },
        note: { anyOf: [{ type: 'object', required: ['text'] }, { type: 'null' }] },
      },
      additionalProperties: false,
    });
  });

  it.each([...eventTypes()].map(([type, { schema }]): [string, unknown] => [type, schema]))(
    '%s is a valid one',
    (_, schema) => {
      const ajv = new Ajv({ strict: false });
      expect(ajv.validateSchema(JSON.parse(JSON.stringify(schema)))).toBe(true);
    },
  );
});

describe('a validator', () => {
  const validator = new Validator(Flight);

  it('finds nothing wrong with what fits', () => {
    expect(validator.faultOf(flight)).toBeUndefined();
    expect(validator.faultOf({ ...flight, note: { text: 'x' } })).toBeUndefined();
  });

  it.each([
    ['carrier', { ...flight, carrier: 'U' }, '/carrier'],
    ['a union of types', { ...flight, delay: '3' }, '/delay'],
    ['an item', { ...flight, cells: { tail: ['N1', 3] } }, '/cells/tail/1'],
    ['a tuple', { ...flight, range: [1, 2.5] }, '/range/1'],
    ['a number that is none', { ...flight, delay: Number.NaN }, '/delay'],
    ['a field too many', { ...flight, more: 1 }, ''],
    ['a field too few', { carrier: 'UA' }, ''],
    ['no object', null, ''],
  ])('names the place of what does not: %s', (_, value, field) => {
    expect(validator.faultOf(value)).toEqual({ field, message: expect.stringMatching(/^must /) });
    expect(validator.fits(value)).toBe(false);
  });

  it('says of any value what the schema itself says', () => {
    const plain = new Ajv({ strict: false, strictNumbers: true });
    const all = [...eventTypes().values()].map(({ schema }) => schema);
    const validators = [...all, Flight].map((schema) => {
      const own = new Validator(schema);
      return { own, reference: plain.compile(JSON.parse(JSON.stringify(schema))) };
    });
    fc.assert(
      fc.property(fc.nat(validators.length - 1), fc.jsonValue(), (index, value) => {
        const { own, reference } = validators[index] ?? {};
        expect(own?.fits(value)).toBe(reference?.(value));
      }),
    );
    const cell = Type.Array(Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]));
    const cells = new Validator(cell);
    const reference = plain.compile(JSON.parse(JSON.stringify(cell)));
    fc.assert(fc.property(fc.array(fc.jsonValue()), (value) => cells.fits(value) === reference(value)));
  });
});
