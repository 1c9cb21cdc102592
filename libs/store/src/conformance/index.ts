import { describe } from 'vitest';
import { documentTests } from './documents.js';
import type { Lacks, StoreFactory } from './fixture.js';
import { listTests } from './lists.js';
import { modelTests } from './model.js';
import { outageTests } from './outage.js';
import { processTests } from './processes.js';
import { raceTests } from './races.js';
import { reopenTests } from './reopen.js';
import { uniqueTests } from './unique.js';
import { workloadTests } from './workload-tests.js';

export { bodyOf, createAll, type Load, readAll, replaceAll } from './workloads.js';
export type { Lacks, StoreFactory, StoreServer, StoreUnderTest } from './fixture.js';

/**
 * What every adapter of the store port must do. The factory gives a store with nothing in it, for each test a new one;
 * `lacks` says what its fixture cannot do, and why.
 */
export function storeConformance(name: string, factory: StoreFactory, lacks: Lacks = {}): void {
  describe(`store conformance: ${name}`, () => {
    documentTests(factory);
    raceTests(factory);
    uniqueTests(factory);
    listTests(factory);
    reopenTests(factory, lacks);
    processTests(factory, lacks);
    outageTests(factory, lacks);
    modelTests(factory);
    workloadTests(factory);
  });
}
