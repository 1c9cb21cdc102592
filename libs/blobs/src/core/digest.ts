import { createHash } from 'node:crypto';
import { RelearnError } from '@relearn/kernel';
import type { BlobDigest } from '../port.js';

const form = /^[0-9a-f]{64}$/;

/** Throws INVALID_INPUT: what is no digest must never become a path. */
export function checkDigest(text: string): void {
  if (!form.test(text)) {
    throw new RelearnError('INVALID_INPUT', `${JSON.stringify(text.slice(0, 100))} is no SHA-256 digest in hex`);
  }
}

export function checkLimit(limit: number): void {
  if (!Number.isInteger(limit) || limit < 1) throw new RelearnError('INVALID_INPUT', `a list of ${limit} blobs`);
}

const slice = 1024 * 1024;

/** SHA-256 in hex; the caller is let breathe after each MiB, so that large blobs keep nobody waiting. */
export async function digestInSlices(bytes: Uint8Array, breathe: () => Promise<void>): Promise<BlobDigest> {
  const hash = createHash('sha256');
  for (let from = 0; from < bytes.byteLength; from += slice) {
    if (from > 0) await breathe();
    hash.update(bytes.subarray(from, from + slice));
  }
  return hash.digest('hex');
}

export function absent(digest: BlobDigest): RelearnError {
  return new RelearnError('NOT_FOUND', `no blob ${digest}`);
}

export function corrupt(digest: BlobDigest, found: BlobDigest, where: string): RelearnError {
  return new RelearnError('CORRUPT', `${where}: the bytes of blob ${digest} have digest ${found}`, {
    place: { file: where },
  });
}
