import { RelearnError } from '@relearn/kernel';
import type { Parameter } from '../prediction-record.js';
import { refusals } from '../refusals.js';

/** An InferParameter: which field is set, and to what. */
export interface ParameterChoice {
  readonly kind: 'bool' | 'int64' | 'string' | 'double' | 'uint64' | undefined;
  readonly value: Parameter | undefined;
}

export interface ParameterEntry extends ParameterChoice {
  readonly key: string;
}

/** Parameters of a request whose kind the protocol fixes. */
const kinds: Readonly<Record<string, readonly ParameterChoice['kind'][]>> = {
  sequence_id: ['int64', 'string'],
  sequence_start: ['bool'],
  sequence_end: ['bool'],
  priority: ['int64', 'uint64'],
  timeout: ['int64'],
  triton_enable_empty_final_response: ['bool'],
};

/** What is wrong with a parameter of the request; undefined: nothing. */
export function faultOfParameter({ key, kind, value }: ParameterEntry): RelearnError | undefined {
  const expected = Object.hasOwn(kinds, key) ? kinds[key] : undefined;
  if (expected === undefined) return key.startsWith('triton_') ? reserved() : undefined;
  if (!expected.includes(kind)) {
    const names = expected.map((name) => `${name}_param`).join(' or ');
    return invalid(`invalid value type for '${key}' parameter, expected ${names}.`);
  }
  const negative = key === 'priority' && value !== undefined && Number(value) < 0;
  return negative ? invalid("invalid value for 'priority', expected value >= 0.") : undefined;
}

/** A tensor can neither come from shared memory nor go there. */
export function faultOfRegion({ key, value }: ParameterEntry): RelearnError | undefined {
  return key === 'shared_memory_region' ? refusals.noRegion('', String(value ?? '')) : undefined;
}

/** What is wrong with a requested output's `classification`. */
export function faultOfClasses({ key, kind, value }: ParameterEntry): RelearnError | undefined {
  if (key !== 'classification') return undefined;
  if (kind !== 'int64') {
    return invalid("invalid value type for 'classification' parameter, expected int64_param");
  }
  if (Number(value) > 0) return undefined;
  return invalid("invalid value for 'classification' parameter, expected >= 0");
}

function reserved(): RelearnError {
  return invalid(
    "parameter keys starting with 'triton_' are reserved for Triton usage. Only the following keys starting with 'triton_' are allowed: triton_enable_empty_final_response",
  );
}

function invalid(message: string): RelearnError {
  return new RelearnError('INVALID_INPUT', message);
}
