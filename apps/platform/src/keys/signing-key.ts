import { generateKeyPairSync } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Signer, signerOf } from '@relearn/bundles';
import { RelearnError, sha256 } from '@relearn/kernel';
import { exemptFile, signingFile, trustedFolder } from './trusted-keys.js';

/**
 * Who signs by the private key of the folder, which is made where there is none: then the key is trusted, too, and so are the bundles
 * from before there was one. Processes may do so at once: one key is made. Throws INVALID_CONFIG.
 */
export function signingKey(folder: string, bundlesBefore: () => readonly string[]): Signer {
  const file = join(folder, signingFile);
  try {
    if (!existsSync(file)) make(folder, file, bundlesBefore());
    return signerOf(readFileSync(file, 'utf8'));
  } catch (thrown) {
    const { code, message, remedy } = RelearnError.from(thrown);
    throw new RelearnError('INVALID_CONFIG', `${file} cannot be used: ${message}`, {
      cause: thrown,
      place: { field: 'RELEARN_KEYS' },
      remedy: code === 'INVALID_CONFIG' ? remedy : 'Put a private key there, or let this process make one.',
    });
  }
}

/** The private key comes last, whole, and only where no other process was first. */
function make(folder: string, file: string, bundlesBefore: readonly string[]): void {
  const trusted = join(folder, trustedFolder);
  mkdirSync(trusted, { recursive: true });
  if (bundlesBefore.length > 0)
    writeFileSync(join(trusted, exemptFile), `${bundlesBefore.join('\n')}\n`, { flush: true });
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const { publicKey } = signerOf(pem);
  const publicFile = join(trusted, `${sha256(publicKey).slice(0, 16)}.pem`);
  writeFileSync(publicFile, publicKey, { flush: true });
  const own = `${file}.${process.pid}`;
  writeFileSync(own, pem, { mode: 0o600, flush: true });
  try {
    linkSync(own, file);
  } catch (thrown) {
    rmSync(publicFile);
    if (!existsSync(file)) throw thrown;
  } finally {
    rmSync(own);
  }
}
