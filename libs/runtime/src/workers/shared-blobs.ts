import type { Blobs } from '@relearn/blobs';

/** The blobs in memory that threads share, so that a job gets them without a copy. Read one after another. */
export async function sharedBlobs(blobs: Pick<Blobs, 'get'>, digests: readonly string[]): Promise<Uint8Array[]> {
  const read: Uint8Array[] = [];
  for (const digest of digests) {
    const bytes = await blobs.get(digest);
    const copy = new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
    copy.set(bytes);
    read.push(copy);
  }
  return read;
}
