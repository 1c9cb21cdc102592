import { sha256 } from '@relearn/kernel';
import { uniqueValues } from '../core/unique.js';
import type { Json } from '../port.js';

/**
 * A document as MongoDB keeps it. The body is JSON text: every key, number and order comes back as it was. Each unique path
 * of the collection has a field of its own, on which lies a unique index.
 */
export interface Kept {
  readonly _id: string;
  readonly version: number;
  readonly body: string;
  readonly [unique: UniqueField]: string;
}

export type UniqueField = `unique_${string}`;

/** The path may hold what no field's name may. */
export function uniqueField(path: string): UniqueField {
  return `unique_${sha256(path).slice(0, 32)}`;
}

/** Equal values are equal texts, of bounded length. */
export function uniqueText(canonical: string): string {
  return sha256(canonical);
}

/**
 * The unique fields of a document. A null or missing value is exempt, but an index takes absent fields for equal, and one
 * that skips them (partial, sparse) not every server has: the field then holds the id, which nobody else has.
 */
export function uniqueFields(paths: readonly string[], id: string, body: Json): Record<UniqueField, string> {
  const held = new Map(uniqueValues(paths, body).map(({ path, value }) => [path, value]));
  return Object.fromEntries(
    paths.map((path) => {
      const value = held.get(path);
      return [uniqueField(path), value === undefined ? `id ${id}` : uniqueText(value)];
    }),
  );
}

/** The least text above all that begin with the prefix, in the order of code points; null where there is none. */
export function endOfPrefix(prefix: string): string | null {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  while (points.at(-1) === 0x10_ffff) points.pop();
  const last = points.pop();
  if (last === undefined) return null;
  // Surrogates are no code points of their own.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
}
