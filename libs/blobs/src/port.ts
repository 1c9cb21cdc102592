import type { RelearnError } from '@relearn/kernel';

/** SHA-256 of a blob's bytes in hex: its address. */
export type BlobDigest = string;

export interface BlobsFeatures {
  readonly name: string;
}

/**
 * Content-addressed bytes. `put` is atomic (a blob is whole or absent) and durable when it resolves; putting twice is harmless.
 * Its bytes may not change before that. `get` checks the digest: CORRUPT when the bytes differ, NOT_FOUND when absent;
 * what is no digest is INVALID_INPUT. UNAVAILABLE and STORAGE_FAILED: retry.
 */
export interface Blobs {
  readonly features: BlobsFeatures;
  put(bytes: Uint8Array): Promise<BlobDigest>;
  get(digest: BlobDigest): Promise<Uint8Array>;
  has(digest: BlobDigest): Promise<boolean>;
  remove(digest: BlobDigest): Promise<void>;
  /** Digests in order, above `after`. */
  list(options: { readonly after?: BlobDigest; readonly limit: number }): Promise<BlobDigest[]>;
  /** Why the blobs cannot be used now, for readiness; null while they can. Absent where they cannot be away. Never waits. */
  health?(): RelearnError | null;
  close(): Promise<void>;
}
