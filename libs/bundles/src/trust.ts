import { verify } from 'node:crypto';
import { canonicalJson, RelearnError } from '@relearn/kernel';
import type { Bundle } from './bundle.js';
import type { TrustedKey } from './signer.js';
import { preAuthentication } from './sigstore.js';
import { readStatement } from './statement.js';

/** Whose word counts for a bundle. */
export interface Trust {
  /** By the SHA-256 of their PEM. */
  readonly keys: ReadonlyMap<string, TrustedKey>;
  /** What counts without a signature: a bundle's digest and, behind a space, as whose model. */
  readonly exempt: ReadonlySet<string>;
}

/** Looks at whose word counts now. */
export type ReadTrust = () => Trust;

/** Why the bundle does not count as the model of that name; null where it does. */
export function whyDistrusted(trust: Trust, name: string, digest: string, bundle: Bundle): string | null {
  const reason = whyUnsigned(trust, name, bundle);
  return reason !== null && trust.exempt.has(`${digest} ${name}`) ? null : reason;
}

function whyUnsigned(trust: Trust, name: string, { files, signature }: Bundle): string | null {
  if (signature === undefined) return 'it is not signed';
  const { verificationMaterial, dsseEnvelope } = signature;
  const trusted = trust.keys.get(verificationMaterial.publicKey.hint);
  if (trusted === undefined)
    return `it is signed by a key that is not trusted (${verificationMaterial.publicKey.hint})`;
  const payload = Buffer.from(dsseEnvelope.payload, 'base64');
  const sig = Buffer.from(dsseEnvelope.signatures[0].sig, 'base64');
  if (!verify(trusted.hash, preAuthentication(payload), trusted.key, sig)) return 'its signature is wrong';
  const signed = readStatement(payload.toString('utf8'));
  if (signed === null) return 'what is signed is no statement about a model';
  if (signed.name !== name) return `it is signed as the model of '${signed.name}'`;
  return canonicalJson(signed.files) === canonicalJson(files) ? null : 'its files are not those that were signed';
}

/** Throws REFUSED, saying why, unless the bundle counts as the model of that name. */
export function mustTrust(trust: Trust, name: string, digest: string, bundle: Bundle): void {
  const reason = whyDistrusted(trust, name, digest, bundle);
  if (reason === null) return;
  throw new RelearnError('REFUSED', `bundle ${digest} of ${name} is refused: ${reason}`, {
    remedy: 'Retrain, or add the public key of who signed it to the trusted keys.',
  });
}
