import { describe, expect, test } from 'vitest';
import { expectCode, plain, type StoreFactory, unique, uniquePaths, withStore } from './fixture.js';

export function reopenTests(factory: StoreFactory): void {
  describe('reopening', () => {
    test('documents, versions and unique values are as before', () =>
      withStore(factory, async ({ store, reopen }) => {
        if (reopen === undefined) return expect(store.features.durability.process).toBe(false);
        await store.create(plain, 'a', { n: 1 });
        await store.replace(plain, 'a', 1, { n: 2 });
        await store.create(unique, 'm', { name: 'x' });
        const again = await reopen();
        await again.ensureCollections([{ name: plain }, { name: unique, unique: uniquePaths }]);
        expect(await again.get(plain, 'a')).toEqual({ id: 'a', version: 2, body: { n: 2 } });
        await expectCode(again.create(unique, 'n', { name: 'x' }), 'ALREADY_EXISTS');
        await expectCode(again.replace(plain, 'a', 1, {}), 'CONFLICT');
      }));
  });
}
