import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Signer, signerOf } from '@relearn/bundles';
import { RelearnError, sha256 } from '@relearn/kernel';
import type { Telemetry } from '@relearn/telemetry';
import { exemptFile, exemptLine, signingFile, trustedFolder } from './trusted-keys.js';

/**
 * Who signs by the private key of the folder, which is made where there is none. At its first use the bundles from before it are
 * noted as exempt; its public half is put among the trusted keys. Each step does nothing where it has been done, so processes may
 * do this at once, and one that was killed is made up for. Throws INVALID_CONFIG.
 */
export function signingKey(
  folder: string,
  bundlesBefore: () => readonly (readonly [string, string])[],
  log: Telemetry['log'],
): Signer {
  const file = join(folder, signingFile);
  const trusted = join(folder, trustedFolder);
  try {
    const own = existsSync(file);
    unlessReadOnly(own, () => void mkdirSync(trusted, { recursive: true }));
    const exempt = join(trusted, exemptFile);
    if (!existsSync(exempt)) {
      const before = bundlesBefore();
      unlessReadOnly(own, () => putNew(exempt, before.map(exemptLine).join('')));
      if (before.length > 0)
        log.warn({ file: exempt }, `${before.length} bundles from before are taken without a signature`);
    }
    if (!own) {
      putNew(file, newKey(), 0o600);
      log.info({ file }, 'a key that signs bundles has been made');
    }
    const signer = signerOf(readFileSync(file, 'utf8'));
    const publicFile = join(trusted, `${sha256(signer.publicKey).slice(0, 16)}.pem`);
    if (!existsSync(publicFile)) unlessReadOnly(own, () => putNew(publicFile, signer.publicKey));
    return signer;
  } catch (thrown) {
    const { code, message, remedy } = RelearnError.from(thrown);
    throw new RelearnError('INVALID_CONFIG', `${file} cannot be used: ${message}`, {
      cause: thrown,
      place: { field: 'RELEARN_KEYS' },
      remedy: code === 'INVALID_CONFIG' ? remedy : 'Put a private key there, or let this process make one.',
    });
  }
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** The file, whole, unless another process was first. */
function putNew(file: string, text: string, mode = 0o644): void {
  const fresh = `${file}.${randomUUID()}`;
  writeFileSync(fresh, text, { mode, flag: 'wx', flush: true });
  try {
    linkSync(fresh, file);
  } catch (thrown) {
    if (!existsSync(file)) throw thrown;
  } finally {
    rmSync(fresh, { force: true });
  }
}

/** Who brings a key may bring all of the folder, for reading alone. */
function unlessReadOnly(own: boolean, put: () => void): void {
  try {
    put();
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : '';
    if (!own || (code !== 'EROFS' && code !== 'EACCES' && code !== 'ENOENT')) throw thrown;
  }
}
