import { describe, expect, test } from 'vitest';
import { type BusFactory, partitions, topic, withBus } from './fixture.js';
import { consumeAll, publishAll, roundTrips } from './workloads.js';

/** What the benchmark runs, small: nothing is missing and all is in its order. */
export function workloadTests(factory: BusFactory): void {
  const load = { topic, partitions, records: 4_000, bytes: 200, batch: 100, calls: 1 };

  describe('workloads', () => {
    test('a group reads all that was published, in its order', () =>
      withBus(factory, async ({ bus }) => {
        await publishAll({ ...load, bus });
        await consumeAll({ ...load, bus }, 'g');
        const kept = (await bus.bounds(topic)).map(({ first, end }) => end - first);
        expect(Math.min(...kept)).toBeGreaterThanOrEqual(load.records / partitions);
      }));

    test('a group reads while several callers publish', () =>
      withBus(factory, async ({ bus }) => {
        const busy = { ...load, bus, batch: 20, calls: 4 };
        await Promise.all([consumeAll(busy, 'g'), publishAll(busy)]);
      }));

    test('what one publishes another has, again and again', () =>
      withBus(factory, async ({ bus, kernel }) => {
        const times = await roundTrips({ ...load, bus, records: 50 }, () => kernel.clock.now());
        expect(times).toHaveLength(50);
      }));
  });
}
