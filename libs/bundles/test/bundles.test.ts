import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createMemoryBlobs } from '@relearn/blobs/memory';
import {
  type Bundle,
  decodeBundle,
  readBundle,
  signatureIn,
  signerOf,
  whyDistrusted,
  writeBundle,
} from '@relearn/bundles';
import { sha256 } from '@relearn/kernel';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newSigner, trustIn } from './keys.js';

const files = {
  'model.onnx': sha256('model'),
  'signature.json': sha256('tensors'),
  'evaluation.json': sha256('gates'),
};

const signer = newSigner();
const trust = trustIn([signer.publicKey]);

async function signedBundle(
  name = 'flights',
  by = signer,
): Promise<{ digest: string; bundle: Bundle; bytes: Uint8Array }> {
  const blobs = createMemoryBlobs();
  const digest = await writeBundle(blobs, name, files, by);
  return { digest, bundle: await readBundle(blobs, digest), bytes: await blobs.get(digest) };
}

describe('a signed bundle', () => {
  test('counts as the model of its name', async () => {
    const { digest, bundle } = await signedBundle();
    expect(bundle.files).toEqual(files);
    expect(whyDistrusted(trust, 'flights', digest, bundle)).toBeNull();
  });

  test.each(['P-384', 'P-521'])('may be signed by a key on %s', async (curve) => {
    const other = newSigner(curve);
    const { digest, bundle } = await signedBundle('flights', other);
    expect(whyDistrusted(trustIn([other.publicKey]), 'flights', digest, bundle)).toBeNull();
  });

  test('does not count under another name', async () => {
    const { digest, bundle } = await signedBundle('flights');
    expect(whyDistrusted(trust, 'orders', digest, bundle)).toBe("it is signed as the model of 'flights'");
  });

  test('does not count where its key is not trusted, unless it is exempt', async () => {
    const { digest, bundle } = await signedBundle('flights', newSigner());
    expect(whyDistrusted(trust, 'flights', digest, bundle)).toMatch(/a key that is not trusted/);
    expect(whyDistrusted(trustIn([], [`${digest} flights`]), 'flights', digest, bundle)).toBeNull();
    expect(whyDistrusted(trustIn([], [`${digest} orders`]), 'flights', digest, bundle)).toMatch(/not trusted/);
  });

  test('does not count without its signature', async () => {
    const { digest, bundle } = await signedBundle();
    expect(whyDistrusted(trust, 'flights', digest, { files: bundle.files })).toBe('it is not signed');
  });

  test('does not count once a character of it has changed', async () => {
    const { digest, bytes } = await signedBundle();
    const text = Buffer.from(bytes).toString('latin1');
    const change = fc.tuple(fc.nat(text.length - 1), fc.integer({ min: 0x20, max: 0x7e }));
    fc.assert(
      fc.property(change, ([at, code]) => {
        const changed = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1);
        fc.pre(meaning(changed) !== meaning(text));
        expect(refusal(digest, changed)).not.toBeNull();
      }),
      { numRuns: 2_000 },
    );
  });

  test('does not count with a file more, a file less or the files of another', async () => {
    const { digest, bundle } = await signedBundle();
    const { 'model.onnx': model, ...fewer } = bundle.files;
    for (const changed of [fewer, { ...files, more: model ?? '' }, { ...files, 'model.onnx': sha256('another') }]) {
      const reason = whyDistrusted(trust, 'flights', digest, { ...bundle, files: changed });
      expect(reason).toBe('its files are not those that were signed');
    }
  });
});

/** What the text says to a reader: white space and unused base64 bits are no change. */
function meaning(text: string): string | null {
  try {
    const { files: named, signature } = decodeBundle('', Buffer.from(text));
    return JSON.stringify([named, signature]);
  } catch {
    return null;
  }
}

function refusal(digest: string, text: string): string | null {
  try {
    return whyDistrusted(trust, 'flights', digest, decodeBundle(digest, Buffer.from(text)));
  } catch (thrown) {
    return String(thrown);
  }
}

test('what is no bundle is told as such', () => {
  for (const text of ['', '[]', 'null', '{}', '{"files":null}', '{"files":{"a":1}}', '{"files":{},"signature":{}}']) {
    expect(() => decodeBundle('d', Buffer.from(text))).toThrow(/bundle/);
  }
});

test('a key that cannot sign is told as such', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  expect(() => signerOf('no key')).toThrow(/the key cannot be used/);
  expect(() => signerOf(rsa.toString())).toThrow(/none of the curves/);
});

describe('a signature by the tools of OpenSSF Model Signing', () => {
  const golden = (name: string) => readFileSync(join(import.meta.dirname, 'golden', name), 'utf8');
  const signature = signatureIn(JSON.parse(golden('model.sig')));
  const theirs = { 'model.onnx': sha256('not really a model'), 'signature.json': sha256('{"inputs":[]}') };

  test('counts for what it was made of, and nothing else', () => {
    if (signature === null) throw new Error('it cannot be read');
    const trusted = trustIn([golden('public-key.pem')]);
    expect(whyDistrusted(trusted, 'model', '', { files: theirs, signature })).toBeNull();
    expect(whyDistrusted(trusted, 'model', '', { files, signature })).toBe('its files are not those that were signed');
  });
});
