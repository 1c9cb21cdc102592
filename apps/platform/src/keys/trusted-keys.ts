import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Trust, type TrustedKey, trustedKeyOf } from '@relearn/bundles';
import { RelearnError } from '@relearn/kernel';
import type { Telemetry } from '@relearn/telemetry';

/** In the keys' folder: the private key. */
export const signingFile = 'signing.pem';
/** In the keys' folder: those of others. */
export const trustedFolder = 'trusted';
/** Among those: bundles that count without a signature, and as whose models. */
export const exemptFile = 'bundles.txt';

/** A line of that file. */
export function exemptLine([name, digest]: readonly [string, string]): string {
  return `${digest} ${name}\n`;
}

/**
 * Trusts who has signed by a key of which `FOLDER/trusted/*.pem` has the public half, or `FOLDER/signing.pem` is the private one,
 * and the bundles that `FOLDER/trusted/bundles.txt` names: as the folder is now. A file that is no such key is told and left
 * out. Throws what keeps the folder from being read, unless it is not there.
 */
export function readTrust(folder: string, log: Telemetry['log']): Trust {
  const trusted = join(folder, trustedFolder);
  const keys = new Map<string, TrustedKey>();
  for (const file of [...pemsIn(trusted), ...pemsIn(folder)]) {
    const key = keyIn(file, log);
    if (key !== null) keys.set(key.hint, key);
  }
  return { keys, exempt: new Set(linesOf(join(trusted, exemptFile))) };
}

function keyIn(file: string, log: Telemetry['log']): TrustedKey | null {
  const text = readFileSync(file, 'utf8');
  try {
    return trustedKeyOf(text);
  } catch (thrown) {
    const { code, message } = RelearnError.from(thrown);
    log.error({ file, code }, `a trusted key is left out: ${message}`);
    return null;
  }
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
