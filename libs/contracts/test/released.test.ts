import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eventTypes, Type, type Schema as TypedSchema, Validator } from '../src/index.js';
import { type Schema, valuesOf } from './schema-values.js';

const folder = join(import.meta.dirname, '..', 'released');
const released = new Map(
  readdirSync(folder).map((file): [string, Schema] => [
    file.replace(/\.json$/, ''),
    JSON.parse(readFileSync(join(folder, file), 'utf8')),
  ]),
);

/** An event that fits what was released and that the schema of today refuses; null when there is none among so many. */
function refused(before: Schema, accepts: (value: unknown) => boolean): unknown {
  const { counterexample } = fc.check(
    fc.property(valuesOf(before), (value) => accepts(value)),
    { numRuns: 150, seed: 1 },
  );
  return counterexample === null ? null : counterexample[0];
}

const accepts = (schema: TypedSchema) => {
  const validator = new Validator(schema);
  return (value: unknown) => validator.fits(value);
};

describe('released schemas', () => {
  test('there is one of every event', () => {
    const missing = [...eventTypes().keys()].filter((type) => !released.has(type));
    expect(missing, 'run `npm run release` and commit what it writes').toEqual([]);
  });

  test.each([...released.keys()])('%s: today reads what was written then', (type) => {
    const today = eventTypes().get(type);
    expect(today, 'a released event is read for ever').toBeDefined();
    const before = released.get(type) ?? {};
    if (today === undefined || JSON.stringify(before) === JSON.stringify(today.schema)) return;
    expect(refused(before, accepts(today.schema)), 'declare a new version of the event').toBeNull();
  });
});

describe('a changed schema', () => {
  const before = Type.Object(
    { turn: Type.String(), rows: Type.Integer({ minimum: 0 }), verdict: Type.Enum(['passed', 'rejected']) },
    { additionalProperties: false },
  ) as Schema;
  const { properties } = before as { properties: Record<string, TypedSchema> };
  const closed = { additionalProperties: false };
  const changed = (fields: Record<string, TypedSchema>) => Type.Object({ ...properties, ...fields }, closed);

  test.each([
    ['a new field that may be absent', changed({ note: Type.Optional(Type.String()) })],
    ['a wider range', changed({ rows: Type.Number() })],
    ['one more value', changed({ verdict: Type.Enum(['passed', 'rejected', 'inconclusive']) })],
  ])('may have %s', (_, schema) => expect(refused(before, accepts(schema))).toBeNull());

  test.each([
    ['a new field that must be there', changed({ note: Type.String() })],
    ['a narrower range', changed({ rows: Type.Integer({ minimum: 1 }) })],
    ['one value less', changed({ verdict: Type.Enum(['passed']) })],
    ['another type', changed({ turn: Type.Integer() })],
    ['a field less', Type.Object({ turn: Type.String(), rows: Type.Integer() }, closed)],
  ])('may not have %s', (_, schema) => expect(refused(before, accepts(schema))).not.toBeNull());
});
