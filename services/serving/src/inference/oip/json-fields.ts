import { RelearnError } from '@relearn/kernel';
import type { JsonObject, JsonValue } from './json-text.js';

// Members of a request's JSON by kind. The texts are those of the protocol's reference server, with the place after them.

/** Where in the request a value is, as `inputs[0].shape`; empty for the request itself. */
export interface Field {
  readonly name: string;
  readonly place: string;
  /** Undefined where it is not there. */
  readonly value: JsonValue | undefined;
}

export function fieldOf(object: JsonObject, place: string, name: string): Field {
  return { name, place: place === '' ? name : `${place}.${name}`, value: object.get(name) };
}

export function textOf(field: Field): string {
  return typeof field.value === 'string' ? field.value : fail(field, 'string');
}

export function booleanOf(field: Field): boolean {
  return typeof field.value === 'boolean' ? field.value : fail(field, 'boolean');
}

/** A size or a count: from 0 to 2^53. */
export function countOf(field: Field): number {
  const { value } = field;
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
    ? value
    : fail(field, 'unsigned-integer');
}

export function listOf(field: Field, most: number): readonly JsonValue[] {
  const { value } = field;
  if (!isList(value)) return fail(field, 'array');
  if (value.length <= most) return value;
  throw unparsable(field.name, `more than ${most} entries (${field.place})`);
}

export function objectOf(field: Field): JsonObject {
  return field.value instanceof Map ? field.value : fail(field, 'object');
}

export function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

export function fail({ name, place, value }: Field, kind: string): never {
  const what =
    value === undefined
      ? `attempt to access non-existing object member '${name}'`
      : `attempt to access JSON non-${kind} as ${kind}`;
  throw unparsable(name, `${what} (${place})`);
}

function unparsable(name: string, what: string): RelearnError {
  return new RelearnError('INVALID_INPUT', `Unable to parse '${name}': ${what}`);
}
