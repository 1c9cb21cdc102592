/**
 * JSON Schema (draft 7) made by functions, each with the TypeScript type of what fits it. Only what the contracts are made of: every
 * process reads them all when it starts.
 */

declare const fits: unique symbol;
const optional = Symbol('optional');

/** A JSON Schema. What fits it is a `T`. */
export interface Schema<T = unknown> {
  readonly [fits]?: T;
}

/** Of a property that may be absent. */
export interface OptionalSchema<T> extends Schema<T> {
  readonly [optional]: true;
}

/** What fits the schema. */
export type Static<S> = S extends Schema<infer T> ? T : never;

type Properties = Readonly<Record<string, Schema>>;
type OptionalNames<P> = { [Name in keyof P]: P[Name] extends OptionalSchema<unknown> ? Name : never }[keyof P];
type Merged<T> = { [Name in keyof T]: T[Name] };
type ObjectOf<P> = Merged<
  { [Name in Exclude<keyof P, OptionalNames<P>>]: Static<P[Name]> } & {
    [Name in OptionalNames<P>]?: Static<P[Name]>;
  }
>;

/** Said of any schema: for people, and for editors. */
interface Annotations {
  readonly title?: string;
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly default?: unknown;
}

interface NumberKeywords extends Annotations {
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

interface StringKeywords extends Annotations {
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
}

interface ArrayKeywords extends Annotations {
  readonly minItems?: number;
  readonly maxItems?: number;
}

interface ObjectKeywords extends Annotations {
  readonly additionalProperties?: boolean;
  readonly minProperties?: number;
}

const numbers = { type: 'number' } as const;
const integers = { type: 'integer' } as const;
const texts = { type: 'string' } as const;

/** Any other schema, whose type is for the caller to know. */
const unsafe = <T>(schema: object): Schema<T> => schema;

export const Type = {
  String: (keywords: StringKeywords = {}) => unsafe<string>({ ...texts, ...keywords }),
  Number: (keywords: NumberKeywords = {}) => unsafe<number>({ ...numbers, ...keywords }),
  Integer: (keywords: NumberKeywords = {}) => unsafe<number>({ ...integers, ...keywords }),
  Boolean: (keywords: Annotations = {}) => unsafe<boolean>({ type: 'boolean', ...keywords }),
  Null: () => unsafe<null>({ type: 'null' }),
  Unknown: () => unsafe<unknown>({}),
  Unsafe: unsafe,

  Literal: <const Value extends string | number | boolean>(value: Value) =>
    unsafe<Value>({ type: typeof value, const: value }),

  Enum: <const Values extends readonly string[]>(values: Values, keywords: Annotations = {}) =>
    unsafe<Values[number]>({ enum: values, ...keywords }),

  Union: <Schemas extends readonly Schema[]>(schemas: readonly [...Schemas], keywords: Annotations = {}) =>
    unsafe<Static<Schemas[number]>>({ anyOf: schemas, ...keywords }),

  Array: <Items extends Schema>(items: Items, keywords: ArrayKeywords = {}) =>
    unsafe<Static<Items>[]>({ type: 'array', items, ...keywords }),

  Tuple: <Schemas extends readonly Schema[]>(schemas: readonly [...Schemas]) =>
    unsafe<{ -readonly [Index in keyof Schemas]: Static<Schemas[Index]> }>({
      type: 'array',
      additionalItems: false,
      items: schemas,
      minItems: schemas.length,
    }),

  /** An object with any keys, or with those that match a pattern. */
  Record: <Values extends Schema>(keys: Schema<string>, values: Values, keywords: ObjectKeywords = {}) =>
    unsafe<Record<string, Static<Values>>>({
      type: 'object',
      patternProperties: { [patternOf(keys)]: values },
      ...keywords,
    }),

  Object: <P extends Properties>(properties: P, keywords: ObjectKeywords = {}) => {
    const required = Object.keys(properties).filter((name) => !isOptional(properties[name]));
    return unsafe<ObjectOf<P>>({
      type: 'object',
      ...(required.length === 0 ? {} : { required }),
      properties,
      ...keywords,
    });
  },

  Optional: <S extends Schema>(schema: S): OptionalSchema<Static<S>> => ({
    ...(schema as Schema<Static<S>>),
    [optional]: true,
  }),
};

function isOptional(schema: Schema | undefined): boolean {
  return schema !== undefined && optional in schema;
}

function patternOf(keys: Schema<string>): string {
  return 'pattern' in keys && typeof keys.pattern === 'string' ? keys.pattern : '^.*$';
}
