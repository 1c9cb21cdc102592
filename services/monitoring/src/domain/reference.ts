import { RelearnError } from '@relearn/kernel';
import type { ReferenceProfile } from '@relearn/stats';

/** A bundle's `reference.json`, as monitoring reads it. */
export interface Reference {
  readonly profile: ReferenceProfile;
  readonly drift: Readonly<Record<string, { readonly method: string; readonly threshold: number }>>;
  /** Rows of a typical window, for which the thresholds hold. */
  readonly windowRows: number;
  readonly performance: Readonly<Record<string, number | null>>;
  /** Standard error of the pipeline's metric on so many rows of the hold-out; null: not computable. */
  readonly error: { readonly standardError: number; readonly rows: number } | null;
}

const utf8 = new TextDecoder();

export function decodeReference(bytes: Uint8Array): Reference {
  return JSON.parse(utf8.decode(bytes)) as Reference;
}

/** Digest of `reference.json` in a bundle's manifest. */
export function referenceDigest(bundle: Uint8Array): string {
  const { files } = JSON.parse(utf8.decode(bundle)) as { files: Record<string, string> };
  const digest = files['reference.json'];
  if (digest === undefined) throw new RelearnError('CORRUPT', 'the bundle lacks reference.json');
  return digest;
}
