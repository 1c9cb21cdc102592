import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { statementOf } from '@relearn/bundles';
import { silentTelemetry } from '@relearn/telemetry';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { newSigner } from '../../../libs/bundles/test/keys.js';
import { signingKey } from '../src/keys/signing-key.js';
import { trustedKeys } from '../src/keys/trusted-keys.js';

const { log } = silentTelemetry();
const none = () => [];
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'relearn-keys-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function hintOf(signer: ReturnType<typeof signingKey>): string {
  return signer.sign(statementOf('p', {})).verificationMaterial.publicKey.hint;
}

test('a key is made once, for its owner alone to read, and is trusted', () => {
  const made = signingKey(join(folder, 'keys'), none);
  expect(signingKey(join(folder, 'keys'), none).publicKey).toBe(made.publicKey);
  expect(statSync(join(folder, 'keys', 'signing.pem')).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(folder, 'keys')).sort()).toEqual(['signing.pem', 'trusted']);
  expect(trustedKeys(join(folder, 'keys'), log).key(hintOf(made))).toBeDefined();
});

test('who has the public half alone trusts it', () => {
  const made = signingKey(folder, none);
  rmSync(join(folder, 'signing.pem'));
  expect(trustedKeys(folder, log).key(hintOf(made))).toBeDefined();
});

test('bundles from before there was a key need none; later ones do', () => {
  signingKey(folder, () => ['a', 'b']);
  signingKey(folder, () => ['c']);
  const trust = trustedKeys(folder, log);
  expect(['a', 'b', 'c'].map((digest) => trust.exempts(digest))).toEqual([true, true, false]);
});

test('a key that comes later counts at once, and a file that is none stands in no way', () => {
  const trust = trustedKeys(folder, log);
  const other = newSigner();
  const hint = hintOf(other);
  expect(trust.key(hint)).toBeUndefined();
  mkdirSync(join(folder, 'trusted'));
  writeFileSync(join(folder, 'trusted', 'broken.pem'), 'no key');
  writeFileSync(join(folder, 'trusted', 'other.pem'), other.publicKey);
  expect(trust.key(hint)).toBeDefined();
});

test('a file that is no private key is told with its name', () => {
  writeFileSync(join(folder, 'signing.pem'), 'no key');
  expect(() => signingKey(folder, none)).toThrow(
    expect.objectContaining({ code: 'INVALID_CONFIG', message: expect.stringContaining('signing.pem cannot be used') }),
  );
});

test('processes that begin at once agree on one key', async () => {
  const module = new URL('../dist/keys/signing-key.js', import.meta.url).href;
  const script = `const { signingKey } = await import('${module}'); console.log(signingKey('${folder}', () => []).publicKey)`;
  const making = Array.from({ length: 4 }, () =>
    promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { env: {} }),
  );
  const keys = (await Promise.all(making)).map(({ stdout }) => stdout.trimEnd());
  expect(new Set(keys).size).toBe(1);
  const [trusted = ''] = readdirSync(join(folder, 'trusted'));
  expect(readdirSync(join(folder, 'trusted'))).toHaveLength(1);
  expect(readFileSync(join(folder, 'trusted', trusted), 'utf8').trimEnd()).toBe(keys[0]);
});
