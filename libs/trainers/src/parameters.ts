import { RelearnError } from '@relearn/kernel';

/** One parameter of a trainer: its type, default, closed range and meaning. */
export interface ParameterSchema {
  readonly type: 'number' | 'integer' | 'boolean' | 'string';
  readonly default: number | string | boolean;
  readonly min?: number;
  readonly max?: number;
  readonly description: string;
}

export type ParametersSchema = Record<string, ParameterSchema>;

/** The parameters given, checked, over the defaults. */
export interface ResolvedParameters {
  number(name: string): number;
}

/** Throws INVALID_INPUT, naming the parameter, for an unknown name, a wrong type or a value outside its range. */
export function resolveParameters(
  schema: ParametersSchema,
  given: Readonly<Record<string, number | string | boolean>>,
): ResolvedParameters {
  for (const [name, value] of Object.entries(given)) {
    const problem = problemOf(Object.hasOwn(schema, name) ? schema[name] : undefined, value);
    if (problem === undefined) continue;
    throw new RelearnError('INVALID_INPUT', `parameter ${name}: ${problem}`, {
      place: { field: name },
      remedy: `The trainer's parameters are ${Object.keys(schema).join(', ') || 'none'}.`,
    });
  }
  return {
    number: (name) => {
      const value = given[name] ?? schema[name]?.default;
      if (typeof value !== 'number') throw new RelearnError('INTERNAL', `parameter ${name} is not a declared number`);
      return value;
    },
  };
}

function problemOf(schema: ParameterSchema | undefined, value: number | string | boolean): string | undefined {
  if (schema === undefined) return 'is not known';
  const type = schema.type === 'integer' ? 'number' : schema.type;
  if (typeof value !== type) return `${JSON.stringify(value)} is not of type ${schema.type}`;
  if (typeof value !== 'number') return undefined;
  if (!Number.isFinite(value)) return `${value} is not finite`;
  if (schema.type === 'integer' && !Number.isInteger(value)) return `${value} is not an integer`;
  if (schema.min !== undefined && value < schema.min) return `${value} is less than ${schema.min}`;
  if (schema.max !== undefined && value > schema.max) return `${value} is more than ${schema.max}`;
  return undefined;
}
