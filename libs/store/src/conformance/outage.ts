import { systemClock } from '@relearn/kernel';
import { describe, expect } from 'vitest';
import type { Document, Store } from '../port.js';
import {
  codeOf,
  collections,
  expectCode,
  type Lacks,
  plain,
  type StoreFactory,
  testWith,
  unique,
  untilItAnswers,
} from './fixture.js';

/** For stores with a server: it dies and comes back, and everybody goes on where he was. */
export function outageTests(factory: StoreFactory, lacks: Lacks): void {
  const given = { factory, lacks };
  describe('outage', () => {
    testWith('server', given, 'what was acknowledged before the server died is there', async ({ store }, server) => {
      const writes = Array.from({ length: 50 }, (_, n) => `${n}`);
      await Promise.all(writes.map((name) => store.create(unique, name, { name })));
      await server.kill();
      await server.restart();
      expect(await untilItAnswers(() => store.list(unique, { limit: 100 }))).toHaveLength(writes.length);
      await expectCode(store.create(unique, 'other', { name: '7' }), 'ALREADY_EXISTS');
    });

    testWith('server', given, 'while the server is away everything is UNAVAILABLE', async ({ store }, server) => {
      await store.create(plain, 'a', 1);
      await server.kill();
      await expectCode(store.get(plain, 'a'), 'UNAVAILABLE');
      await expectCode(store.replace(plain, 'a', 1, 2), 'UNAVAILABLE');
      await expectCode(store.list(plain, { limit: 1 }), 'UNAVAILABLE');
      await expectCode(store.ensureCollections(collections), 'UNAVAILABLE');
      await server.restart();
      expect(await untilItAnswers(() => store.get(plain, 'a'))).toEqual({ id: 'a', version: 1, body: 1 });
    });

    testWith(
      'server',
      given,
      'health says that the server is away, and then that it is back',
      async ({ store }, server) => {
        expect(store.health?.()).toBeNull();
        await server.kill();
        await until(() => store.health?.()?.code === 'UNAVAILABLE');
        await server.restart();
        await until(() => store.health?.() === null);
        expect(await untilItAnswers(() => store.get(plain, 'a'))).toBeNull();
      },
    );

    testWith(
      'server',
      given,
      'a store that was opened while the server was away goes on when it is there',
      async ({ reopen }, server) => {
        if (reopen === undefined) throw new Error('a server keeps documents');
        await server.kill();
        const again = await reopen();
        await expectCode(again.ensureCollections(collections), 'UNAVAILABLE');
        await server.restart();
        await untilItAnswers(() => again.ensureCollections(collections));
        expect(await again.create(plain, 'a', 1)).toEqual({ id: 'a', version: 1, body: 1 });
      },
    );

    testWith(
      'server',
      given,
      'writes whose answers were lost are done once or not at all',
      async ({ store }, server) => {
        const tokens = Array.from({ length: 40 }, (_, n) => n);
        await store.create(plain, 'tokens', []);
        const adding = Promise.all(tokens.map((token) => add(store, token)));
        await server.kill();
        await server.restart();
        await adding;
        const kept = await store.get(plain, 'tokens');
        expect([...held(kept)].sort((a, b) => a - b)).toEqual(tokens);
        expect(kept?.version).toBe(tokens.length + 1);
      },
    );
  });
}

/** Adds the token by compare-and-set; a conflict may be with a write of one's own. */
async function add(store: Store, token: number): Promise<void> {
  for (;;) {
    const found = await untilItAnswers(() => store.get(plain, 'tokens'));
    const tokens = held(found);
    if (tokens.includes(token)) return;
    if ((await codeOf(store.replace(plain, 'tokens', found?.version ?? 0, [...tokens, token]))) === null) return;
  }
}

function held(document: Document | null): readonly number[] {
  return (document?.body ?? []) as readonly number[];
}

/** A test that waits in vain ends by its own time limit. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await systemClock.sleep(5);
}
