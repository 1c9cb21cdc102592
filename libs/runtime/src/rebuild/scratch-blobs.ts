import type { Blobs } from '@relearn/blobs';
import { sha256 } from '@relearn/kernel';

/** The blobs, to which nothing is written: what they do not have is kept here, and nothing is removed. */
export function scratchBlobs(blobs: Blobs): Blobs {
  const kept = new Map<string, Uint8Array>();
  return {
    features: blobs.features,
    async put(bytes) {
      const digest = sha256(bytes);
      if (!(await blobs.has(digest))) kept.set(digest, bytes);
      return digest;
    },
    get: async (digest) => kept.get(digest) ?? (await blobs.get(digest)),
    has: async (digest) => kept.has(digest) || (await blobs.has(digest)),
    remove: () => Promise.resolve(),
    list: (options) => blobs.list(options),
    close: () => Promise.resolve(),
  };
}
