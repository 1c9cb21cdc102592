import { describe } from 'vitest';
import type { BusFactory } from './fixture.js';
import { groupTests } from './groups.js';
import { logTests } from './log.js';
import { readerTests } from './readers.js';
import { reopenTests } from './reopen.js';

export type { BusFactory, BusUnderTest } from './fixture.js';

/** What every adapter of the bus port must do. The factory gives a bus with nothing in it, for each test a new one. */
export function busConformance(name: string, factory: BusFactory): void {
  describe(`bus conformance: ${name}`, () => {
    logTests(factory);
    readerTests(factory);
    groupTests(factory);
    reopenTests(factory);
  });
}
