import { canonicalJson, RelearnError } from '@relearn/kernel';
import type { Json } from '../port.js';

export interface UniqueValue {
  readonly path: string;
  /** Canonical JSON of the value: equal values are equal texts. */
  readonly value: string;
}

/** What the body holds at the collection's unique paths; null and missing are exempt. */
export function uniqueValues(paths: readonly string[], body: Json): UniqueValue[] {
  return paths.flatMap((path) => {
    const found = valueAt(body, path.split('.'));
    return found === null || found === undefined ? [] : [{ path, value: canonicalJson(found) }];
  });
}

function valueAt(body: Json, steps: readonly string[]): Json | undefined {
  let value: Json | undefined = body;
  for (const step of steps) {
    if (value === null || value === undefined || typeof value !== 'object' || Array.isArray(value)) return undefined;
    const object: { readonly [key: string]: Json } = value as { readonly [key: string]: Json };
    value = Object.hasOwn(object, step) ? object[step] : undefined;
  }
  return value;
}

export function takenValue(collection: string, { path, value }: UniqueValue, holder: string): RelearnError {
  return new RelearnError('ALREADY_EXISTS', `${collection}: ${path} = ${value} belongs to '${holder}'`, {
    place: { field: path },
  });
}

export function takenId(collection: string, id: string): RelearnError {
  return new RelearnError('ALREADY_EXISTS', `${collection}/${id} exists`);
}

export function otherVersion(collection: string, id: string, asked: number, found: number | null): RelearnError {
  if (found === null) return new RelearnError('NOT_FOUND', `${collection}/${id} does not exist`);
  return new RelearnError('CONFLICT', `${collection}/${id} has version ${found}, not ${asked}`);
}

export function unknownCollection(name: string): RelearnError {
  return new RelearnError('NOT_FOUND', `no collection ${name}`, { remedy: 'Declare it with ensureCollections first.' });
}
