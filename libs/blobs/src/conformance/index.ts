import { sha256 } from '@relearn/kernel';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesOf, type BlobsFactory, expectCode, type Lacks, testWith, withBlobs } from './fixture.js';
import { outageTests } from './outage.js';
import { processTests } from './processes.js';

export type { BlobsFactory, BlobsServer, BlobsUnderTest, Lacks } from './fixture.js';

/**
 * What every adapter of the blobs port must do. The factory gives blobs with nothing in them, for each test new ones; `lacks`
 * says what its fixture cannot do, and why.
 */
export function blobsConformance(name: string, factory: BlobsFactory, lacks: Lacks = {}): void {
  describe(`blobs conformance: ${name}`, () => {
    contentTests(factory);
    listTests(factory);
    survivalTests(factory, lacks);
    processTests(factory, lacks);
    outageTests(factory, lacks);
  });
}

const nobody = sha256('nobody has put this');

function contentTests(factory: BlobsFactory): void {
  test('the address is the SHA-256 of the bytes, and they come back', () =>
    withBlobs(factory, async ({ blobs }) => {
      const digest = await blobs.put(bytesOf('abc'));
      expect(digest).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
      expect(Array.from(await blobs.get(digest))).toEqual([97, 98, 99]);
      expect(await blobs.has(digest)).toBe(true);
    }));

  test('any bytes come back, also none and some MiB', () =>
    withBlobs(factory, async ({ blobs }) => {
      const check = async (bytes: Uint8Array) => {
        const digest = await blobs.put(bytes);
        expect(digest).toBe(sha256(bytes));
        expect(Buffer.compare(await blobs.get(digest), bytes)).toBe(0);
      };
      await check(new Uint8Array());
      await check(new Uint8Array(5 * 1024 * 1024 + 7).map((_, index) => index % 253));
      await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 2_000 }), check), { numRuns: 50 });
    }));

  test('putting twice, one after another or at once, is harmless', () =>
    withBlobs(factory, async ({ blobs }) => {
      const bytes = new Uint8Array(200_000).fill(3);
      const digests = await Promise.all(Array.from({ length: 10 }, () => blobs.put(bytes)));
      digests.push(await blobs.put(bytes));
      expect(new Set(digests)).toEqual(new Set([sha256(bytes)]));
      expect(await blobs.list({ limit: 10 })).toHaveLength(1);
    }));

  test('bytes are nobody else’s: neither the giver nor a reader changes what is kept', () =>
    withBlobs(factory, async ({ blobs }) => {
      const given = bytesOf('abc');
      const digest = await blobs.put(given);
      given.fill(0);
      (await blobs.get(digest)).fill(0);
      expect(Array.from(await blobs.get(digest))).toEqual([97, 98, 99]);
    }));

  test('what is absent is NOT_FOUND, and removing it is harmless', () =>
    withBlobs(factory, async ({ blobs }) => {
      await expectCode(blobs.get(nobody), 'NOT_FOUND');
      expect(await blobs.has(nobody)).toBe(false);
      await blobs.remove(nobody);
      const digest = await blobs.put(bytesOf('abc'));
      await blobs.remove(digest);
      await expectCode(blobs.get(digest), 'NOT_FOUND');
      expect(await blobs.put(bytesOf('abc'))).toBe(digest);
      expect(await blobs.has(digest)).toBe(true);
    }));

  test('what is no digest is refused and never becomes a path', () =>
    withBlobs(factory, async ({ blobs }) => {
      for (const text of ['', 'abc', '../../etc/passwd', nobody.toUpperCase(), `${nobody}0`]) {
        await expectCode(blobs.get(text), 'INVALID_INPUT');
        await expectCode(blobs.has(text), 'INVALID_INPUT');
        await expectCode(blobs.remove(text), 'INVALID_INPUT');
      }
    }));

  test('closed blobs are UNAVAILABLE', () =>
    withBlobs(factory, async ({ blobs }) => {
      await blobs.close();
      await expectCode(blobs.put(bytesOf('abc')), 'UNAVAILABLE');
      await expectCode(blobs.get(nobody), 'UNAVAILABLE');
    }));
}

function listTests(factory: BlobsFactory): void {
  test('lists are in order and page by page', () =>
    withBlobs(factory, async ({ blobs }) => {
      const digests: string[] = [];
      for (let n = 0; n < 50; n++) digests.push(await blobs.put(bytesOf(`blob ${n}`)));
      digests.sort();
      expect(await blobs.list({ limit: 100 })).toEqual(digests);
      const paged: string[] = [];
      for (;;) {
        const after = paged.at(-1);
        const page = await blobs.list({ limit: 7, ...(after !== undefined && { after }) });
        if (page.length === 0) break;
        expect(page.length).toBeLessThanOrEqual(7);
        paged.push(...page);
      }
      expect(paged).toEqual(digests);
      expect(await blobs.list({ after: digests[20] ?? '', limit: 1 })).toEqual([digests[21]]);
      expect(await blobs.list({ after: 'f'.repeat(64), limit: 1 })).toEqual([]);
      await expectCode(blobs.list({ limit: 0 }), 'INVALID_INPUT');
    }));
}

function survivalTests(factory: BlobsFactory, lacks: Lacks): void {
  const given = { factory, lacks };
  testWith('damage', given, 'changed bytes are CORRUPT', async ({ blobs }, damage) => {
    const digest = await blobs.put(bytesOf('abc'));
    await damage(digest);
    await expectCode(blobs.get(digest), 'CORRUPT');
  });

  testWith('reopen', given, 'blobs are there when others open on the same place', async ({ blobs }, reopen) => {
    const digests = [await blobs.put(bytesOf('abc')), await blobs.put(bytesOf('def'))].sort();
    const again = await reopen();
    expect(await again.list({ limit: 3 })).toEqual(digests);
    expect(Buffer.from(await again.get(sha256('abc'))).toString()).toBe('abc');
  });
}
