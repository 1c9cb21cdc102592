import { fileOf, readBundle } from '@relearn/bundles';
import type { Blobs } from '@relearn/blobs';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The files of a bundle, by name their digests, and what its lineage.json says. Throws NOT_FOUND, CORRUPT. */
export async function bundleMessage(
  blobs: Blobs,
  digest: string,
): Promise<{ readonly files: Record<string, string>; readonly lineage: string }> {
  const bundle = await readBundle(blobs, digest);
  const lineage = await blobs.get(fileOf(digest, bundle, 'lineage.json'));
  return { files: bundle.files, lineage: utf8.decode(lineage) };
}
