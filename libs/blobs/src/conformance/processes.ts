import { RelearnError, sha256 } from '@relearn/kernel';
import { describe, expect } from 'vitest';
import type { Blobs } from '../port.js';
import { type BlobsFactory, bytesOf, type Lacks, manyBytes, testWith } from './fixture.js';

/** For blobs that processes share: what one has put, all get, and nobody ever gets a part of a blob. */
export function processTests(factory: BlobsFactory, lacks: Lacks): void {
  const given = { factory, lacks };
  describe('processes', () => {
    testWith('another', given, 'what one has put or removed, the other sees', async ({ blobs }, another) => {
      const other = await another();
      for (let n = 0; n < 10; n++) {
        const digest = await blobs.put(bytesOf(`blob ${n}`));
        expect(Buffer.from(await other.get(digest)).toString()).toBe(`blob ${n}`);
        expect(await other.list({ limit: 100 })).toHaveLength(n + 1);
      }
      await other.remove(sha256('blob 3'));
      expect(await blobs.has(sha256('blob 3'))).toBe(false);
    });

    testWith(
      'another',
      given,
      'both put the same large bytes at once, and one blob is kept',
      async ({ blobs }, another) => {
        const other = await another();
        const bytes = manyBytes(1024 * 1024 + 1, 1);
        const puts = [blobs, other].flatMap((one) => Array.from({ length: 4 }, () => one.put(bytes)));
        expect(new Set(await Promise.all(puts))).toEqual(new Set([sha256(bytes)]));
        expect(await blobs.list({ limit: 10 })).toEqual([sha256(bytes)]);
        expect(Buffer.compare(await other.get(sha256(bytes)), bytes)).toBe(0);
      },
    );

    testWith(
      'another',
      given,
      'who reads while others put and remove gets the whole blob or none',
      async ({ blobs }, another) => {
        const other = await another();
        const bytes = manyBytes(600_000, 2);
        const digest = sha256(bytes);
        let writing = true;
        const seen: string[] = [];
        const reading = (async () => {
          while (writing) seen.push(await look(other, digest));
        })();
        for (let round = 0; round < 15; round++) {
          await blobs.put(bytes);
          await blobs.remove(digest);
        }
        writing = false;
        await reading;
        expect(new Set([...seen, 'whole', 'none'])).toEqual(new Set(['whole', 'none']));
      },
    );
  });
}

async function look(blobs: Blobs, digest: string): Promise<string> {
  try {
    await blobs.get(digest);
    return 'whole';
  } catch (thrown) {
    const error = RelearnError.from(thrown);
    return error.code === 'NOT_FOUND' ? 'none' : error.describe();
  }
}
