import type { Blobs } from '@relearn/blobs';
import { canonicalJson, RelearnError } from '@relearn/kernel';
import type { Signer } from './signer.js';
import { type Signature, signatureIn } from './sigstore.js';
import { type BundleFiles, statementOf } from './statement.js';

/** The unit of registry, deployment and rollback: a model's files by their digests, and who vouches for them. */
export interface Bundle {
  readonly files: BundleFiles;
  readonly signature?: Signature;
}

const format = 'relearn-bundle/1';
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Stores the bundle of a model's files, which are stored already; answers its digest. `name` is that of the pipeline, or of the
 * model that no pipeline owns: a signature holds for this name alone.
 */
export function writeBundle(
  blobs: Pick<Blobs, 'put'>,
  name: string,
  files: BundleFiles,
  signer: Signer | undefined,
): Promise<string> {
  const signature = signer === undefined ? {} : { signature: signer.sign(statementOf(name, files)) };
  return blobs.put(new TextEncoder().encode(canonicalJson({ format, files, ...signature })));
}

/** Throws NOT_FOUND, CORRUPT. */
export async function readBundle(blobs: Pick<Blobs, 'get'>, digest: string): Promise<Bundle> {
  return decodeBundle(digest, await blobs.get(digest));
}

/** A bundle from its bytes. Throws CORRUPT. */
export function decodeBundle(digest: string, bytes: Uint8Array): Bundle {
  const value = parsed(bytes);
  const files = value === null ? null : filesIn(value);
  if (value === null || files === null) throw new RelearnError('CORRUPT', `${digest} is no bundle`);
  if (!('signature' in value)) return { files };
  const signature = signatureIn(value.signature);
  if (signature === null) throw new RelearnError('CORRUPT', `the signature of bundle ${digest} cannot be read`);
  return { files, signature };
}

/** The digest of a file of the bundle. Throws CORRUPT. */
export function fileOf(digest: string, { files }: Bundle, name: string): string {
  const file = files[name];
  if (file === undefined) throw new RelearnError('CORRUPT', `bundle ${digest} lacks ${name}`);
  return file;
}

function parsed(bytes: Uint8Array): object | null {
  try {
    const value: unknown = JSON.parse(utf8.decode(bytes));
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

function filesIn(value: object): BundleFiles | null {
  if (!('files' in value) || typeof value.files !== 'object' || value.files === null) return null;
  const entries = Object.entries(value.files);
  return entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')
    ? Object.fromEntries(entries)
    : null;
}
