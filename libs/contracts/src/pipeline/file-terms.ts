import { type Schema, type Static, Type } from '../schema/type.js';

/**
 * Words of which the form of the pipeline file is made. A schema's `title` and `examples` are what error messages say of it,
 * its `description` is what an editor shows.
 */

export const closed = { additionalProperties: false } as const;
export const optional = Type.Optional;

const says = (description: string | undefined, fallback?: unknown) => ({
  ...(description === undefined ? {} : { description }),
  ...(fallback === undefined ? {} : { default: fallback }),
});

export const text = (title: string, description?: string, fallback?: string) =>
  Type.String({ title, minLength: 1, ...says(description, fallback) });

export const columnName = (description?: string) =>
  Type.String({ title: 'a column name', minLength: 1, maxLength: 128, ...says(description) });

export const columnNames = (description: string) =>
  Type.Array(columnName(), { title: 'a list of columns', description });

export const duration = (description?: string, fallback?: string) =>
  Type.String({
    title: 'a duration',
    pattern: '^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d|w))+$',
    examples: ['90s', '3h', '1d'],
    ...says(description, fallback),
  });

export const whole = (minimum: number, description: string, fallback?: number) =>
  Type.Integer({ minimum, ...says(description, fallback) });

export const share = (description?: string, fallback?: number) =>
  Type.Number({ minimum: 0, maximum: 1, ...says(description, fallback) });

/** One of a few words. */
export const word = <const Words extends readonly string[]>(
  words: Words,
  title: string,
  description?: string,
  fallback?: string,
) => Type.Unsafe<Words[number]>({ enum: words, title, ...says(description, fallback) });

/** A pair of bounds. An array of two rather than a tuple: both drafts of JSON Schema in use write it alike. */
export const bounds = (description: string) =>
  Type.Array(Type.Union([Type.Number(), Type.Null()]), {
    title: 'a pair [least, greatest]',
    description: `${description} Null leaves a side open.`,
    examples: [[0, null]],
    minItems: 2,
    maxItems: 2,
  });

export const scalar = Type.Union([Type.Number(), Type.String(), Type.Boolean()], {
  title: 'a number, text or boolean',
});

/** A block whose keys are stream names. */
export const streams = <T extends Schema>(value: T, description: string) =>
  Type.Record(Type.String({ pattern: '^[a-z][a-z0-9_-]{0,62}$' }), value, {
    ...closed,
    title: 'a block of streams',
    description,
    default: {},
  });

/** A block whose keys are column names. */
export const byColumn = <T extends Schema>(value: T, title: string, description?: string) =>
  Type.Unsafe<Record<string, Static<T>>>({
    type: 'object',
    title,
    ...says(description),
    propertyNames: { minLength: 1, maxLength: 128 },
    additionalProperties: value,
  });
