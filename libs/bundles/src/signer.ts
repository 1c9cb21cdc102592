import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { canonicalJson, RelearnError, sha256 } from '@relearn/kernel';
import { preAuthentication, type Signature, signatureOf } from './sigstore.js';
import type { Statement } from './statement.js';

export interface Signer {
  /** PEM of the key by which others verify what this one signs. */
  readonly publicKey: string;
  sign(statement: Statement): Signature;
}

/** By the key's curve: the hashes of the ECDSA that OpenSSF Model Signing takes. */
const hashes: Readonly<Record<string, string>> = { prime256v1: 'sha256', secp384r1: 'sha384', secp521r1: 'sha512' };

/** Signs by a private key on P-256, P-384 or P-521, given as PEM. Throws INVALID_CONFIG. */
export function signerOf(privateKey: string): Signer {
  const key = read(() => createPrivateKey(privateKey));
  const hash = hashOf(key);
  const publicKey = pemOf(createPublicKey(key));
  const hint = hintOf(publicKey);
  return {
    publicKey,
    sign(statement) {
      const payload = Buffer.from(canonicalJson(statement));
      return signatureOf(payload, hint, sign(hash, preAuthentication(payload), key));
    },
  };
}

export interface TrustedKey {
  readonly hint: string;
  readonly key: KeyObject;
  readonly hash: string;
}

/** A public key on one of these curves, from PEM. Throws INVALID_CONFIG. */
export function trustedKeyOf(publicKey: string): TrustedKey {
  const key = read(() => createPublicKey(publicKey));
  return { hint: hintOf(pemOf(key)), key, hash: hashOf(key) };
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString();
}

function hintOf(publicKey: string): string {
  return sha256(publicKey);
}

function hashOf({ asymmetricKeyDetails }: KeyObject): string {
  const hash = hashes[asymmetricKeyDetails?.namedCurve ?? ''];
  if (hash === undefined) throw unfit('it is on none of the curves P-256, P-384 and P-521');
  return hash;
}

function read(reading: () => KeyObject): KeyObject {
  try {
    return reading();
  } catch (thrown) {
    throw unfit(thrown instanceof Error ? thrown.message : String(thrown), thrown);
  }
}

function unfit(reason: string, cause?: unknown): RelearnError {
  return new RelearnError('INVALID_CONFIG', `the key cannot be used: ${reason}`, {
    cause,
    remedy: 'Give PEM as `openssl ecparam -name prime256v1 -genkey -noout` writes it.',
  });
}
