import type { Blobs } from '@relearn/blobs';
import { RelearnError } from '@relearn/kernel';

const lineageFile = 'lineage.json';
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The files of a bundle, by name their digests, and what its lineage.json says. Throws NOT_FOUND, CORRUPT. */
export async function readBundle(
  blobs: Blobs,
  digest: string,
): Promise<{ readonly files: Record<string, string>; readonly lineage: string }> {
  const files = filesOf(digest, utf8.decode(await blobs.get(digest)));
  const lineage = files[lineageFile];
  if (lineage === undefined) throw new RelearnError('CORRUPT', `bundle ${digest} lacks ${lineageFile}`);
  return { files, lineage: utf8.decode(await blobs.get(lineage)) };
}

function filesOf(digest: string, manifest: string): Record<string, string> {
  const parsed: unknown = JSON.parse(manifest);
  const files = typeof parsed === 'object' && parsed !== null && 'files' in parsed ? parsed.files : null;
  if (typeof files !== 'object' || files === null) throw new RelearnError('CORRUPT', `${digest} is no bundle`);
  return Object.fromEntries(Object.entries(files).map(([name, file]) => [name, String(file)]));
}
