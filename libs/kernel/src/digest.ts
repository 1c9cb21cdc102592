import { hash } from 'node:crypto';

/** SHA-256 of the bytes (or of the text as UTF-8), in hex. */
export function sha256(data: Uint8Array | string): string {
  return hash('sha256', data, 'hex');
}

/** JSON with object keys in code-unit order and no white space: equal values give equal bytes. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sorted(value));
}

/** The value with the keys of all its objects in order; what says of itself how it is as JSON is that. */
function sorted(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(sorted);
  if ('toJSON' in value && typeof value.toJSON === 'function') return sorted(value.toJSON());
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}

/** SHA-256 over the canonical JSON of the value. */
export function digestOf(value: unknown): string {
  return sha256(canonicalJson(value));
}

/** FNV-1a over the UTF-16 code units, 32 bits: the hash that chooses partitions, the same in every adapter. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}
