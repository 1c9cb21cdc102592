import { RelearnError } from '@relearn/kernel';
import type { CollectionSpec, Json, ListOptions } from '../port.js';

const collectionName = /^[A-Za-z0-9._-]{1,100}$/;
const longestId = 512;
/** Lone surrogates, which UTF-8 cannot hold, and NUL, which ends text in SQLite. */
const unkeepable = /[\p{Surrogate}\0]/u;

/**
 * Ids are 1 to 512 UTF-16 units of well-formed text without NUL: what every document database keeps as it is.
 * Throws INVALID_INPUT.
 */
export function checkId(collection: string, id: string): void {
  if (id.length > 0 && id.length <= longestId && !unkeepable.test(id)) return;
  throw new RelearnError('INVALID_INPUT', `${collection}: ${JSON.stringify(id.slice(0, 100))} is no document id`, {
    remedy: `Use 1 to ${longestId} characters of well-formed Unicode without NUL.`,
  });
}

export function checkCollection({ name, unique = [] }: CollectionSpec): void {
  if (collectionName.test(name) && unique.every((path) => path.split('.').every((part) => part !== ''))) return;
  throw new RelearnError('INVALID_INPUT', `collection '${name}' with unique paths [${unique.join(', ')}]`, {
    remedy: 'Use letters, digits, dots, dashes and underscores; a path is `a.b`.',
  });
}

export function checkList(collection: string, { prefix = '', after = '', limit }: ListOptions): void {
  if (!Number.isInteger(limit) || limit < 1) {
    throw new RelearnError('INVALID_INPUT', `${collection}: a list of ${limit} documents`);
  }
  for (const text of [prefix, after]) {
    if (unkeepable.test(text)) {
      throw new RelearnError('INVALID_INPUT', `${collection}: no id begins with or follows ${JSON.stringify(text)}`);
    }
  }
}

/** The body as JSON text; INVALID_INPUT when it has none. */
export function encodeBody(collection: string, id: string, body: Json): string {
  const text: string | undefined = JSON.stringify(body);
  if (text === undefined) throw new RelearnError('INVALID_INPUT', `${collection}/${id}: the body is not JSON`);
  return text;
}

export function decodeBody(text: string): Json {
  return JSON.parse(text) as Json;
}

/** Code points in ascending order, which is the order of the UTF-8 bytes (and not that of UTF-16 above U+FFFF). */
export function compareIds(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above all other units: they go last. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
