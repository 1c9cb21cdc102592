import { sha256, systemClock } from '@relearn/kernel';
import { describe, expect } from 'vitest';
import { type BlobsFactory, bytesOf, expectCode, type Lacks, manyBytes, testWith, untilItAnswers } from './fixture.js';

/** For blobs with a server: it dies and comes back, and everybody goes on where he was. */
export function outageTests(factory: BlobsFactory, lacks: Lacks): void {
  const given = { factory, lacks };
  describe('outage', () => {
    testWith(
      'server',
      given,
      'what was put before the server died is there, and the rest is whole or absent',
      async ({ blobs }, server) => {
        const kept = await Promise.all(Array.from({ length: 20 }, (_, n) => blobs.put(bytesOf(`blob ${n}`))));
        const large = Array.from({ length: 6 }, (_, n) => manyBytes(2_000_000, n));
        const putting = Promise.allSettled(large.map((bytes) => blobs.put(bytes)));
        await server.kill();
        await putting;
        await server.restart();
        const listed = await untilItAnswers(() => blobs.list({ limit: 100 }));
        expect(listed).toEqual(expect.arrayContaining(kept));
        for (const digest of listed) expect(sha256(await blobs.get(digest))).toBe(digest);
        for (const bytes of large) await untilItAnswers(() => blobs.put(bytes));
        for (const bytes of large) expect(Buffer.compare(await blobs.get(sha256(bytes)), bytes)).toBe(0);
        expect(await blobs.list({ limit: 100 })).toHaveLength(kept.length + large.length);
      },
    );

    testWith(
      'server',
      given,
      'while the server is away everything is UNAVAILABLE, and health says so',
      async ({ blobs }, server) => {
        const digest = await blobs.put(bytesOf('abc'));
        expect(blobs.health?.()).toBeNull();
        await server.kill();
        await expectCode(blobs.put(bytesOf('def')), 'UNAVAILABLE');
        await expectCode(blobs.get(digest), 'UNAVAILABLE');
        await expectCode(blobs.list({ limit: 1 }), 'UNAVAILABLE');
        expect(blobs.health?.()?.code).toBe('UNAVAILABLE');
        await server.restart();
        expect(await untilItAnswers(() => blobs.has(digest))).toBe(true);
        // A test that waits in vain ends by its own time limit.
        while (blobs.health?.() !== null) await systemClock.sleep(5);
      },
    );
  });
}
