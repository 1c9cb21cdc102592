import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Trust, type TrustedKey, trustedKeyOf } from '@relearn/bundles';
import { RelearnError } from '@relearn/kernel';
import type { Telemetry } from '@relearn/telemetry';

/** In the keys' folder: the private key. */
export const signingFile = 'signing.pem';
/** In the keys' folder: those of others. */
export const trustedFolder = 'trusted';
/** Bundles that count without a signature, a digest a line. */
export const exemptFile = 'bundles.txt';

/**
 * Trusts who has signed by a key of which `FOLDER/trusted/*.pem` has the public half, or `FOLDER/signing.pem` is the private one,
 * and the bundles that `FOLDER/trusted/bundles.txt` names. The folder is read again for what it did not have: it may get keys
 * while this process runs. A file that is no such key is told and left out.
 */
export function trustedKeys(folder: string, log: Telemetry['log']): Trust {
  const trusted = join(folder, trustedFolder);
  let keys: ReadonlyMap<string, TrustedKey> = new Map();
  let exempt: ReadonlySet<string> = new Set();
  return {
    key(hint) {
      if (!keys.has(hint)) keys = readKeys([...pemsIn(trusted), ...pemsIn(folder)], log);
      return keys.get(hint);
    },
    exempts(digest) {
      if (!exempt.has(digest)) exempt = new Set(linesOf(join(trusted, exemptFile)));
      return exempt.has(digest);
    },
  };
}

function readKeys(files: readonly string[], log: Telemetry['log']): ReadonlyMap<string, TrustedKey> {
  const keys = new Map<string, TrustedKey>();
  for (const file of files) {
    try {
      const key = trustedKeyOf(readFileSync(file, 'utf8'));
      keys.set(key.hint, key);
    } catch (thrown) {
      const { code, message } = RelearnError.from(thrown);
      log.error({ file, code }, `a trusted key is left out: ${message}`);
    }
  }
  return keys;
}

function pemsIn(folder: string): readonly string[] {
  const names = orNone(() => readdirSync(folder));
  return names.filter((name) => name.endsWith('.pem')).map((name) => join(folder, name));
}

function linesOf(file: string): readonly string[] {
  return orNone(() => readFileSync(file, 'utf8').split('\n')).map((line) => line.trim());
}

/** What is not there holds nothing. */
function orNone(reading: () => readonly string[]): readonly string[] {
  try {
    return reading();
  } catch (thrown) {
    if (RelearnError.from(thrown).code === 'NOT_FOUND') return [];
    throw thrown;
  }
}
