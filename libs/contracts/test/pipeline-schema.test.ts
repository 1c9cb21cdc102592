import { pipelineJsonSchema, Validator } from '@relearn/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { broken, type Shape, ShapeCheck } from '../src/pipeline/shape.js';
import { flights, minimal } from './pipeline-fixture.js';

const schema = pipelineJsonSchema();
const validator = new Validator(schema);

describe('the JSON Schema of the pipeline file', () => {
  it('accepts what the parser accepts', () => {
    expect(validator.fits(parse(flights))).toBe(true);
    expect(validator.fits(parse(minimal))).toBe(true);
  });

  it('is of the draft that it names: no list of item schemas, no `additionalItems`', () => {
    expect(schema['$schema']).toBe('https://json-schema.org/draft/2020-12/schema');
    const text = JSON.stringify(schema);
    expect(text).not.toContain('additionalItems');
    expect(text).not.toContain('"items":[');
  });

  it('describes every key of every block', () => {
    const silent: string[] = [];
    const visit = (shape: Shape, path: string) => {
      for (const branch of shape.anyOf ?? []) visit(branch, path);
      if (shape.items !== undefined) visit(shape.items, `${path}[]`);
      for (const [key, inner] of Object.entries(shape.properties ?? {})) {
        const says = inner.description ?? inner.title;
        if (says === undefined && inner.properties === undefined) silent.push(`${path}.${key}`);
        visit(inner, `${path}.${key}`);
      }
    };
    visit(schema, '');
    expect(silent).toEqual([]);
  });
});

/** The value with one place in it, found by walking along `steps`, replaced, added or removed. */
function mutate(value: unknown, steps: readonly number[], change: unknown, rename: string): unknown {
  const [step = 0, ...rest] = steps;
  if (steps.length === 0 || value === null || typeof value !== 'object') return change;
  if (Array.isArray(value)) {
    const at = step % (value.length + 1);
    const items: unknown[] = [...value];
    items.splice(at, 1, mutate(items[at] ?? null, rest, change, rename));
    return items;
  }
  const entries: [string, unknown][] = Object.entries(value);
  const [key, inner] = entries[step % Math.max(1, entries.length)] ?? [rename, null];
  const others = entries.filter(([name]) => name !== key);
  if (step % 7 === 0) return Object.fromEntries(others);
  if (step % 7 === 1) return Object.fromEntries([...others, [rename, inner]]);
  return Object.fromEntries([...others, [key, mutate(inner, rest, change, rename)]]);
}

describe('the check of a shape', () => {
  const whole: unknown = parse(flights);
  const scalar = fc.oneof(
    fc.constantFrom(
      null,
      true,
      '',
      '3h',
      'label',
      'number',
      'all',
      'a b',
      'x'.repeat(200),
      -1,
      0,
      0.5,
      1,
      1.5,
      64,
      1e9,
    ),
    fc.constantFrom([], ['a'], ['a', 1], [1, 2], [null, null], {}, { type: 'number' }, { name: 'x', column: 'y' }),
  );
  const file = fc
    .tuple(
      fc.array(
        fc.tuple(fc.array(fc.nat(1000), { maxLength: 6 }), scalar, fc.constantFrom('type', 'of', 'zz', 'X', 'by')),
      ),
    )
    .map(([changes]) =>
      changes.reduce<unknown>((value, [steps, change, rename]) => mutate(value, steps, change, rename), whole),
    );

  it('finds a problem exactly where the published schema says that a file is not valid', () => {
    let invalid = 0;
    fc.assert(
      fc.property(file, (value) => {
        const check = new ShapeCheck();
        check.check(schema, value, []);
        const valid = validator.fits(value);
        if (!valid) invalid++;
        expect(check.problems.length === 0).toBe(valid);
      }),
      { numRuns: 400 },
    );
    expect(invalid).toBeGreaterThan(50);
  });

  it('leaves nothing that the schema refuses', () => {
    fc.assert(
      fc.property(file, (value) => {
        const kept = new ShapeCheck().check(schema, value, []);
        if (kept !== broken) expect(validator.fits(kept)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});
