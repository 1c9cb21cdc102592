import { generateKeyPairSync } from 'node:crypto';
import { type Signer, signerOf, type Trust, trustedKeyOf } from '@relearn/bundles';

/** Somebody with a key that nobody else has. */
export function newSigner(namedCurve = 'P-256'): Signer {
  return signerOf(
    generateKeyPairSync('ec', { namedCurve }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  );
}

/** Trust in the owners of public keys, and in single bundles: digest, space, name. */
export function trustIn(publicKeys: readonly string[], exempt: readonly string[] = []): Trust {
  const keys = new Map(publicKeys.map(trustedKeyOf).map((key) => [key.hint, key]));
  return { keys, exempt: new Set(exempt) };
}
