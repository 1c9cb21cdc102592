import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { statementOf } from '@relearn/bundles';
import { silentTelemetry } from '@relearn/telemetry';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { newSigner } from '../../../libs/bundles/test/keys.js';
import { signingKey } from '../src/keys/signing-key.js';
import { readTrust } from '../src/keys/trusted-keys.js';

const { log } = silentTelemetry();
const none = () => [];
const before =
  (...names: string[]) =>
  () =>
    names.map((name): [string, string] => [name, `of-${name}`]);
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'relearn-keys-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function hintOf(signer: ReturnType<typeof signingKey>): string {
  return signer.sign(statementOf('p', {})).verificationMaterial.publicKey.hint;
}

const trusts = (signer: ReturnType<typeof signingKey>, at = folder) => readTrust(at, log).keys.has(hintOf(signer));

test('a key is made once, for its owner alone to read, and is trusted', () => {
  const keys = join(folder, 'keys');
  const made = signingKey(keys, none, log);
  expect(signingKey(keys, none, log).publicKey).toBe(made.publicKey);
  expect(statSync(join(keys, 'signing.pem')).mode & 0o777).toBe(0o600);
  expect(readdirSync(keys).sort()).toEqual(['signing.pem', 'trusted']);
  expect(trusts(made, keys)).toBe(true);
});

test('who has the public half alone trusts it', () => {
  const made = signingKey(folder, none, log);
  rmSync(join(folder, 'signing.pem'));
  expect(trusts(made)).toBe(true);
});

test('bundles from before there was a key need none, as the models that they are; later ones do, also where the key is lost', () => {
  signingKey(folder, before('a', 'b'), log);
  rmSync(join(folder, 'signing.pem'));
  const second = signingKey(folder, before('c'), log);
  const { exempt } = readTrust(folder, log);
  expect(['of-a a', 'of-b b', 'of-a b', 'of-c c'].map((line) => exempt.has(line))).toEqual([true, true, false, false]);
  expect(trusts(second)).toBe(true);
});

test('a key that somebody brings is trusted too, and the bundles before it are exempt', () => {
  const brought = signingKey(join(folder, 'elsewhere'), none, log);
  cpSync(join(folder, 'elsewhere', 'signing.pem'), join(folder, 'signing.pem'));
  expect(signingKey(folder, before('a'), log).publicKey).toBe(brought.publicKey);
  rmSync(join(folder, 'signing.pem'));
  expect(trusts(brought)).toBe(true);
  expect(readTrust(folder, log).exempt.has('of-a a')).toBe(true);
});

test('what has been left undone by a process that was killed is made up for', () => {
  const made = signingKey(folder, before('a'), log);
  rmSync(join(folder, 'trusted'), { recursive: true });
  expect(signingKey(folder, before('a'), log).publicKey).toBe(made.publicKey);
  rmSync(join(folder, 'signing.pem'));
  expect(trusts(made)).toBe(true);
});

test('the folder counts as it is now, and a file that is no key stands in no way', () => {
  const other = newSigner();
  expect(trusts(other)).toBe(false);
  mkdirSync(join(folder, 'trusted'));
  writeFileSync(join(folder, 'trusted', 'broken.pem'), 'no key');
  writeFileSync(join(folder, 'trusted', 'other.pem'), other.publicKey);
  expect(trusts(other)).toBe(true);
  rmSync(join(folder, 'trusted', 'other.pem'));
  expect(trusts(other)).toBe(false);
});

test('a file that is no private key is told with its name', () => {
  writeFileSync(join(folder, 'signing.pem'), 'no key');
  expect(() => signingKey(folder, none, log)).toThrow(
    expect.objectContaining({ code: 'INVALID_CONFIG', message: expect.stringContaining('signing.pem cannot be used') }),
  );
});

test('processes that begin at once agree on one key, which is trusted, also where all have the same number', async () => {
  const module = new URL('../dist/keys/signing-key.js', import.meta.url).href;
  // Containers number their processes each for itself.
  const script = `Object.defineProperty(process, 'pid', { value: 7 });
    const { signingKey } = await import('${module}');
    console.log(signingKey('${folder}', () => [], { info() {}, warn() {} }).publicKey)`;
  const making = Array.from({ length: 4 }, () =>
    promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { env: {} }),
  );
  const keys = (await Promise.all(making)).map(({ stdout }) => stdout.trimEnd());
  expect(new Set(keys).size).toBe(1);
  const pems = readdirSync(join(folder, 'trusted')).filter((name) => name.endsWith('.pem'));
  expect(pems.map((name) => readFileSync(join(folder, 'trusted', name), 'utf8').trimEnd())).toEqual([keys[0]]);
  expect(readdirSync(folder)).toEqual(['signing.pem', 'trusted']);
});
