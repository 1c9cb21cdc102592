import { describe } from 'vitest';
import { documentTests } from './documents.js';
import type { StoreFactory } from './fixture.js';
import { listTests } from './lists.js';
import { modelTests } from './model.js';
import { raceTests } from './races.js';
import { reopenTests } from './reopen.js';
import { uniqueTests } from './unique.js';

export type { StoreFactory, StoreUnderTest } from './fixture.js';

/** What every adapter of the store port must do. The factory gives a store with nothing in it, for each test a new one. */
export function storeConformance(name: string, factory: StoreFactory): void {
  describe(`store conformance: ${name}`, () => {
    documentTests(factory);
    raceTests(factory);
    uniqueTests(factory);
    listTests(factory);
    reopenTests(factory);
    modelTests(factory);
  });
}
