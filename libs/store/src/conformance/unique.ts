import { describe, expect, test } from 'vitest';
import { expectCode, type StoreFactory, unique, withStore } from './fixture.js';

export function uniqueTests(factory: StoreFactory): void {
  describe('unique paths', () => {
    test('no two documents share a value, whichever operation writes it', () =>
      withStore(factory, async ({ store }) => {
        await store.create(unique, 'a', { name: 'x', owner: { mail: 'm' } });
        await store.create(unique, 'b', { name: 'y' });
        await expectCode(store.create(unique, 'c', { name: 'x' }), 'ALREADY_EXISTS');
        await expectCode(store.put(unique, 'c', { name: 'z', owner: { mail: 'm' } }), 'ALREADY_EXISTS');
        await expectCode(store.replace(unique, 'b', 1, { name: 'x' }), 'ALREADY_EXISTS');
        expect((await store.list(unique, { limit: 10 })).map(({ id, version }) => [id, version])).toEqual([
          ['a', 1],
          ['b', 1],
        ]);
      }));

    test('a refused write keeps the values that the document held', () =>
      withStore(factory, async ({ store }) => {
        await store.create(unique, 'a', { name: 'x' });
        await store.create(unique, 'b', { name: 'y', owner: { mail: 'm' } });
        await expectCode(store.put(unique, 'b', { name: 'x' }), 'ALREADY_EXISTS');
        await expectCode(store.create(unique, 'c', { name: 'y' }), 'ALREADY_EXISTS');
        await expectCode(store.create(unique, 'c', { owner: { mail: 'm' } }), 'ALREADY_EXISTS');
      }));

    test('a document may keep its own value, and frees it when it changes or goes', () =>
      withStore(factory, async ({ store }) => {
        await store.create(unique, 'a', { name: 'x', n: 1 });
        await store.replace(unique, 'a', 1, { name: 'x', n: 2 });
        await store.put(unique, 'a', { name: 'y' });
        await store.create(unique, 'b', { name: 'x' });
        await store.remove(unique, 'b');
        await store.create(unique, 'c', { name: 'x' });
        await expectCode(store.create(unique, 'd', { name: 'y' }), 'ALREADY_EXISTS');
      }));

    test('null and missing values are exempt', () =>
      withStore(factory, async ({ store }) => {
        for (const [n, body] of [
          {},
          {},
          { name: null },
          { name: null },
          { owner: 'text' },
          { owner: [] },
          'text',
          null,
        ].entries()) {
          await store.create(unique, `${n}`, body);
        }
        expect(await store.list(unique, { limit: 10 })).toHaveLength(8);
      }));

    test('values are compared as JSON: by type, and objects whatever the order of their keys', () =>
      withStore(factory, async ({ store }) => {
        for (const [n, name] of [1, '1', true, 'true', [1], { a: 1, b: 2 }].entries()) {
          await store.create(unique, `${n}`, { name });
        }
        await expectCode(store.create(unique, 'x', { name: { b: 2, a: 1 } }), 'ALREADY_EXISTS');
        await expectCode(store.create(unique, 'x', { name: true }), 'ALREADY_EXISTS');
      }));

    test('a path that becomes unique later is checked against what is there', () =>
      withStore(factory, async ({ store }) => {
        await store.ensureCollections([{ name: 'later' }]);
        await store.create('later', 'a', { name: 'x' });
        await store.create('later', 'b', { name: 'x' });
        await expectCode(store.ensureCollections([{ name: 'later', unique: ['name'] }]), 'ALREADY_EXISTS');
        await store.create('later', 'c', { name: 'x' });
        await store.put('later', 'b', { name: 'y' });
        await store.remove('later', 'c');
        await store.ensureCollections([{ name: 'later', unique: ['name'] }]);
        await expectCode(store.create('later', 'c', { name: 'y' }), 'ALREADY_EXISTS');
        await store.ensureCollections([{ name: 'later' }]);
        await store.create('later', 'c', { name: 'y' });
      }));
  });
}
