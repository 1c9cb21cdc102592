import { RelearnError, sha256 } from '@relearn/kernel';
import { absent, checkDigest, checkLimit } from '../core/digest.js';
import type { BlobDigest, Blobs } from '../port.js';

/** Blobs for tests and simulations; nothing survives. */
export function createMemoryBlobs(): Blobs {
  const kept = new Map<BlobDigest, Uint8Array>();
  let closed = false;
  const check = (digest?: BlobDigest) => {
    if (closed) throw new RelearnError('UNAVAILABLE', 'the blobs are closed');
    if (digest !== undefined) checkDigest(digest);
  };
  return {
    features: { name: 'memory' },
    async put(bytes) {
      check();
      const digest = sha256(bytes);
      if (!kept.has(digest)) kept.set(digest, new Uint8Array(bytes));
      return digest;
    },
    async get(digest) {
      check(digest);
      const bytes = kept.get(digest);
      if (bytes === undefined) throw absent(digest);
      return new Uint8Array(bytes);
    },
    async has(digest) {
      check(digest);
      return kept.has(digest);
    },
    async remove(digest) {
      check(digest);
      kept.delete(digest);
    },
    async list({ after = '', limit }) {
      check();
      checkLimit(limit);
      const above = [...kept.keys()].filter((digest) => digest > after);
      return above.sort().slice(0, limit);
    },
    async close() {
      closed = true;
    },
  };
}
