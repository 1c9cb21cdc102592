import { describe, expect } from 'vitest';
import { collections, expectCode, type Lacks, plain, type StoreFactory, testWith, unique } from './fixture.js';

export function reopenTests(factory: StoreFactory, lacks: Lacks): void {
  describe('reopening', () => {
    testWith(
      'reopen',
      { factory, lacks },
      'documents, versions and unique values are as before',
      async ({ store }, reopen) => {
        await store.create(plain, 'a', { n: 1 });
        await store.replace(plain, 'a', 1, { n: 2 });
        await store.create(unique, 'm', { name: 'x' });
        const again = await reopen();
        await again.ensureCollections(collections);
        expect(await again.get(plain, 'a')).toEqual({ id: 'a', version: 2, body: { n: 2 } });
        await expectCode(again.create(unique, 'n', { name: 'x' }), 'ALREADY_EXISTS');
        await expectCode(again.replace(plain, 'a', 1, {}), 'CONFLICT');
      },
    );
  });
}
