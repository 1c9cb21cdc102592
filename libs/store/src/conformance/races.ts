import { describe, expect, test } from 'vitest';
import { codeOf, plain, type StoreFactory, unique, withStore } from './fixture.js';

const contenders = Array.from({ length: 20 }, (_, n) => n);

export function raceTests(factory: StoreFactory): void {
  describe('races', () => {
    test('of many that create one document, one wins', () =>
      withStore(factory, async ({ store }) => {
        const codes = await Promise.all(contenders.map((n) => codeOf(store.create(plain, 'a', n))));
        const winners = contenders.filter((n) => codes[n] === null);
        expect(winners).toHaveLength(1);
        expect(codes.filter((code) => code === 'ALREADY_EXISTS')).toHaveLength(19);
        expect(await store.get(plain, 'a')).toEqual({ id: 'a', version: 1, body: winners[0] });
      }));

    test('of many that replace one version, one wins', () =>
      withStore(factory, async ({ store }) => {
        await store.create(plain, 'a', null);
        const codes = await Promise.all(contenders.map((n) => codeOf(store.replace(plain, 'a', 1, n))));
        const winners = contenders.filter((n) => codes[n] === null);
        expect(winners).toHaveLength(1);
        expect(codes.filter((code) => code === 'CONFLICT')).toHaveLength(19);
        expect(await store.get(plain, 'a')).toEqual({ id: 'a', version: 2, body: winners[0] });
      }));

    test('of many that want one unique value, one wins, and its neighbours are unharmed', () =>
      withStore(factory, async ({ store }) => {
        const codes = await Promise.all(
          contenders.flatMap((n) => [
            codeOf(store.create(unique, `a${n}`, { name: 'wanted' })),
            codeOf(store.create(unique, `b${n}`, { name: `own${n}` })),
          ]),
        );
        expect(codes.filter((code) => code === null)).toHaveLength(21);
        expect(await store.list(unique, { prefix: 'a', limit: 100 })).toHaveLength(1);
        expect(await store.list(unique, { prefix: 'b', limit: 100 })).toHaveLength(20);
      }));

    test('counting by compare-and-set loses nothing', () =>
      withStore(factory, async ({ store }) => {
        await store.create(plain, 'count', 0);
        const add = async () => {
          for (;;) {
            const { version, body } = (await store.get(plain, 'count')) ?? { version: 0, body: 0 };
            if ((await codeOf(store.replace(plain, 'count', version, Number(body) + 1))) === null) return;
          }
        };
        await Promise.all(contenders.map(() => add()));
        expect(await store.get(plain, 'count')).toEqual({ id: 'count', version: 21, body: 20 });
      }));
  });
}
