import { describe } from 'vitest';
import { broadcastTests } from './broadcast.js';
import { deliveryTests } from './delivery.js';
import type { BusFactory, Lacks } from './fixture.js';
import { groupTests } from './groups.js';
import { logTests } from './log.js';
import { outageTests } from './outage.js';
import { readerTests } from './readers.js';
import { reopenTests } from './reopen.js';
import { replayTests } from './replay.js';
import { workloadTests } from './workload-tests.js';

export type { BusFactory, BusServer, BusUnderTest, Lacks } from './fixture.js';
export { consumeAll, type Load, publishAll, recordsOf, roundTrips } from './workloads.js';

/**
 * What every adapter of the bus port must do. The factory gives a bus with nothing in it, for each test a new one. What its
 * fixture cannot do is said in `lacks`, with the reason.
 */
export function busConformance(name: string, factory: BusFactory, lacks: Lacks = {}): void {
  describe(`bus conformance: ${name}`, () => {
    logTests(factory);
    readerTests(factory);
    replayTests(factory);
    deliveryTests(factory);
    groupTests(factory);
    workloadTests(factory);
    broadcastTests(factory, lacks);
    reopenTests(factory, lacks);
    outageTests(factory, lacks);
  });
}

/** The outages alone, for an adapter whose suite runs on a server that others use too. */
export function busOutages(name: string, factory: BusFactory): void {
  describe(`bus outages: ${name}`, () => outageTests(factory, {}));
}
