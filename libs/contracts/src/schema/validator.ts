import { Ajv, type ValidateFunction } from 'ajv';
import type { Schema } from './type.js';

/** The schemas are our own: that they are schemas is for a test to see, not for every start. */
const ajv = new Ajv({ strict: false, strictNumbers: true, meta: false, validateSchema: false });

export interface Fault {
  /** JSON pointer to the value; empty for the whole. */
  readonly field: string;
  readonly message: string;
}

/** Tells whether values fit a schema. It is compiled when the first value comes: few processes see events of every type. */
export class Validator<T> {
  private readonly schema: Schema<T>;
  private compiled: ValidateFunction<T> | undefined;

  constructor(schema: Schema<T>) {
    this.schema = schema;
  }

  fits(value: unknown): value is T {
    return this.validate(value);
  }

  /** The first of what is wrong with it; undefined: nothing is. */
  faultOf(value: unknown): Fault | undefined {
    if (this.fits(value)) return undefined;
    const [first] = this.validate.errors ?? [];
    return { field: first?.instancePath ?? '', message: first?.message ?? 'does not fit its schema' };
  }

  private get validate(): ValidateFunction<T> {
    return (this.compiled ??= ajv.compile<T>(withTypeLists(this.schema)));
  }
}

/**
 * The same schema with each `anyOf` of bare types written as a list of types: of each branch that does not fit ajv makes an error,
 * and cells are many (a batch of 500 rows of six columns took 430 µs, and takes 14).
 */
function withTypeLists<Part>(part: Part): Part {
  const told = Array.isArray(part) ? part.map(withTypeLists) : isObject(part) ? objectWithTypeLists(part) : part;
  return told as Part;
}

function objectWithTypeLists(schema: object): object {
  const { anyOf, ...rest } = schema as { readonly anyOf?: unknown };
  const parts = Object.fromEntries(Object.entries(rest).map(([name, part]) => [name, withTypeLists(part)]));
  if (!Array.isArray(anyOf)) return anyOf === undefined ? parts : { anyOf, ...parts };
  return anyOf.every(isBareType)
    ? { type: anyOf.map(({ type }) => type), ...parts }
    : { anyOf: anyOf.map(withTypeLists), ...parts };
}

function isBareType(branch: unknown): branch is { readonly type: string } {
  return isObject(branch) && Object.keys(branch).length === 1 && 'type' in branch && typeof branch.type === 'string';
}

function isObject(part: unknown): part is object {
  return part !== null && typeof part === 'object';
}
