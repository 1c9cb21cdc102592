import { describe, expect, test } from 'vitest';
import { plain, type StoreFactory, withStore } from './fixture.js';
import { bodyOf, createAll, readAll, replaceAll } from './workloads.js';

/** The workloads that the benchmark measures do what they say. */
export function workloadTests(factory: StoreFactory): void {
  describe('workloads', () => {
    test('writers replace their documents by compare-and-set, and readers find the last', () =>
      withStore(factory, async ({ store }) => {
        const load = { store, collection: plain, writers: 4, writes: 5, bytes: 500 };
        await createAll(load);
        await replaceAll(load);
        await readAll(load);
        const documents = await store.list(plain, { limit: 100 });
        expect(documents.map(({ version }) => version)).toEqual([6, 6, 6, 6]);
        for (const { body } of documents) expect(body).toEqual(bodyOf(500, 5));
      }));
  });
}
