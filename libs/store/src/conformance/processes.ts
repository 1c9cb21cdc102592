import { describe, expect } from 'vitest';
import type { Store } from '../port.js';
import { codeOf, collections, type Lacks, plain, type StoreFactory, testWith, unique } from './fixture.js';

const rounds = 20;
const each = Array.from({ length: 5 }, (_, n) => n);

/** For stores that processes share: what one has been told, all see, and of many writers one wins. */
export function processTests(factory: StoreFactory, lacks: Lacks): void {
  const given = { factory, lacks };
  const both = async (store: Store, another: () => Promise<Store>) => {
    const other = await another();
    await other.ensureCollections(collections);
    return [store, other] as const;
  };

  describe('processes', () => {
    testWith('another', given, 'what one was told is written, the other reads', async ({ store }, another) => {
      const [one, other] = await both(store, another);
      for (let n = 1; n <= rounds; n++) {
        await one.put(plain, 'a', n);
        expect(await other.get(plain, 'a')).toEqual({ id: 'a', version: n, body: n });
        await other.put(plain, `b${n}`, n);
        expect(await one.list(plain, { prefix: 'b', limit: 100 })).toHaveLength(n);
      }
      await other.remove(plain, 'a');
      expect(await one.get(plain, 'a')).toBeNull();
    });

    testWith('another', given, 'of many that replace one version, one wins', async ({ store }, another) => {
      const stores = await both(store, another);
      await store.create(plain, 'a', 'none');
      for (let version = 1; version <= rounds; version++) {
        const names = stores.flatMap((_, s) => each.map((n) => `${s}-${n}`));
        const codes = await Promise.all(
          names.map((name) => codeOf(stores[name.startsWith('0') ? 0 : 1].replace(plain, 'a', version, name))),
        );
        const winners = names.filter((_, n) => codes[n] === null);
        expect(winners).toHaveLength(1);
        expect(codes.filter((code) => code === 'CONFLICT')).toHaveLength(names.length - 1);
        expect(await store.get(plain, 'a')).toEqual({ id: 'a', version: version + 1, body: winners[0] });
      }
    });

    testWith('another', given, 'counting by compare-and-set and by put loses nothing', async ({ store }, another) => {
      const stores = await both(store, another);
      await store.create(plain, 'count', 0);
      const add = async (one: Store) => {
        for (;;) {
          const { version, body } = (await one.get(plain, 'count')) ?? { version: 0, body: 0 };
          if ((await codeOf(one.replace(plain, 'count', version, Number(body) + 1))) === null) return;
        }
      };
      const puts = () => Promise.all(each.map((n) => store.put(plain, 'puts', n)));
      await Promise.all([...stores.flatMap((one) => each.map(() => add(one))), puts()]);
      await puts();
      expect(await store.get(plain, 'count')).toEqual({ id: 'count', version: 11, body: 10 });
      expect((await store.get(plain, 'puts'))?.version).toBe(2 * each.length);
    });

    testWith('another', given, 'of many that want one unique value, one wins', async ({ store }, another) => {
      const stores = await both(store, another);
      for (let round = 0; round < rounds; round++) {
        const name = `wanted ${round}`;
        const codes = await Promise.all(
          stores.flatMap((one, s) => each.map((n) => codeOf(one.put(unique, `${round}-${s}-${n}`, { name })))),
        );
        expect(codes.filter((code) => code === null)).toHaveLength(1);
        expect(codes.filter((code) => code === 'ALREADY_EXISTS')).toHaveLength(codes.length - 1);
        expect(await store.list(unique, { prefix: `${round}-`, limit: 100 })).toHaveLength(1);
      }
    });

    testWith('another', given, 'collections can be declared at once', async ({ store }, another) => {
      const stores = await both(store, another);
      const specs = each.map((n) => ({ name: `new-${n}`, unique: ['name'] }));
      await Promise.all([...stores, ...stores].map((one) => one.ensureCollections(specs)));
      await store.create('new-0', 'a', { name: 'x' });
      expect(await codeOf(stores[1].create('new-0', 'b', { name: 'x' }))).toBe('ALREADY_EXISTS');
    });
  });
}
