import fc, { type Arbitrary } from 'fast-check';

/** The part of JSON Schema that events are declared with. */
export interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema | readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** Values that fit the schema. Throws for a keyword that it does not know, so that none is overlooked. */
export function valuesOf(schema: Schema): Arbitrary<unknown> {
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(valuesOf));
  switch (schema.type) {
    case 'object':
      return objectsOf(schema);
    case 'array':
      return arraysOf(schema);
    case 'string':
      return textsOf(schema);
    case 'integer':
    case 'number':
      return numbersOf(schema);
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case undefined:
      return fc.jsonValue();
    default:
      throw new Error(`no values for type ${schema.type}`);
  }
}

function objectsOf({ properties = {}, patternProperties, required = [] }: Schema): Arbitrary<unknown> {
  const [values] = Object.values(patternProperties ?? {});
  if (values !== undefined) return fc.dictionary(fc.string({ minLength: 1 }), valuesOf(values), { maxKeys: 3 });
  const fields = Object.fromEntries(Object.entries(properties).map(([name, field]) => [name, valuesOf(field)]));
  return fc.record(fields, { requiredKeys: required.filter((name) => name in fields) });
}

function arraysOf({ items, minItems = 0, maxItems = minItems + 3 }: Schema): Arbitrary<unknown> {
  if (Array.isArray(items)) return fc.tuple(...items.map(valuesOf));
  const all = items === undefined ? fc.jsonValue() : valuesOf(items as Schema);
  return fc.array(all, { minLength: minItems, maxLength: Math.min(maxItems, minItems + 3) });
}

function textsOf({ pattern, minLength = 0, maxLength = minLength + 20 }: Schema): Arbitrary<unknown> {
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
  return fc.string({ minLength, maxLength: Math.min(maxLength, minLength + 20) });
}

function numbersOf(schema: Schema): Arbitrary<unknown> {
  const { minimum = -1e9, maximum = 1e9, exclusiveMinimum, exclusiveMaximum } = schema;
  const [min, max] = [exclusiveMinimum ?? minimum, exclusiveMaximum ?? maximum];
  if (schema.type === 'integer') {
    const [least, most] = [Math.ceil(min), Math.floor(max)];
    // A narrower range shows at its ends.
    return fc.oneof(fc.constantFrom(least, most), fc.integer({ min: least, max: most }));
  }
  const open = { minExcluded: exclusiveMinimum !== undefined, maxExcluded: exclusiveMaximum !== undefined };
  return fc.double({ min, max, ...open, noNaN: true });
}
