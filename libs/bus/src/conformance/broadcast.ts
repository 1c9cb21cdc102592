import { describe, expect, test } from 'vitest';
import type { Bus } from '../port.js';
import {
  type BusFactory,
  everyPartition,
  expectCode,
  type Lacks,
  partitions,
  record,
  take,
  testWith,
  textOf,
  topic,
  until,
  withBus,
} from './fixture.js';
import { joinGroup, Watch } from './member.js';

/** What each instance of a service sees: all of what it follows, its share of what its group reads. */
export function broadcastTests(factory: BusFactory, lacks: Lacks): void {
  describe('broadcast', () => {
    test('every follower sees every record', () =>
      withBus(factory, async ({ bus }) => {
        const followers = Array.from({ length: 5 }, () => bus.follow(topic, 0, 0));
        const reading = Promise.all(followers.map((follower) => take(follower, 30)));
        for (let n = 0; n < 30; n += 3) await bus.publish([n, n + 1, n + 2].map((m) => record(0, `${m}`)));
        for (const seen of await reading)
          expect(seen.map(textOf)).toEqual(Array.from({ length: 30 }, (_, n) => `${n}`));
      }));
  });

  describe('instances', () => {
    const withTwo = (name: string, body: (bus: Bus, other: Bus, until: Until) => Promise<void>) =>
      testWith('another', lacks, factory, name, async ({ bus, kernel }, another) => {
        const other = await another();
        try {
          await body(bus, other, (holds) => until(kernel, holds));
        } finally {
          await other.close();
        }
      });

    withTwo('every instance follows all, what it and what another has published', async (bus, other) => {
      const reading = [bus, other].map((one) => take(one.follow(topic, 1, 0), 40));
      for (let n = 0; n < 20; n++) {
        await bus.publish([record(1, `bus ${n}`)]);
        await other.publish([record(1, `other ${n}`)]);
      }
      const [ofBus, ofOther] = await Promise.all(reading);
      expect(ofBus).toEqual(ofOther);
      expect(ofBus?.map(textOf)).toEqual(Array.from({ length: 20 }, (_, n) => [`bus ${n}`, `other ${n}`]).flat());
    });

    withTwo('topics and what is in them are the same for all', async (bus, other) => {
      await other.ensureTopics([
        { name: topic, partitions, retentionMs: null },
        { name: 'weather', partitions: 2, retentionMs: null },
      ]);
      await expectCode(other.ensureTopics([{ name: topic, partitions: 3, retentionMs: null }]), 'REFUSED');
      await other.publish(everyPartition(8));
      expect(await bus.bounds(topic)).toEqual(await other.bounds(topic));
      await bus.ensureTopics([{ name: 'weather', partitions: 2, retentionMs: null }]);
      await bus.publish([record(1, 'rain', { topic: 'weather' })]);
      expect((await take(other.follow('weather', 1, 0), 1)).map(textOf)).toEqual(['rain']);
    });

    withTwo('instances share a group, and one takes over what another gives back', async (bus, other, soon) => {
      const watch = new Watch();
      const a = await joinGroup({ bus, group: 'g', name: 'a', watch });
      const b = await joinGroup({ bus: other, group: 'g', name: 'b', watch });
      await soon(() => watch.partitionsOf('a').length === 2 && watch.partitionsOf('b').length === 2);
      await bus.publish(everyPartition(40));
      await soon(() => watch.seen.length === 40);
      expect(new Set(watch.texts()).size).toBe(40);
      expect(new Set(watch.seen.map(({ member }) => member))).toEqual(new Set(['a', 'b']));
      await a.close();
      await soon(() => watch.partitionsOf('b').length === 4);
      await bus.publish(everyPartition(8, 'after'));
      await soon(() => watch.seen.length === 48);
      expect(watch.seen.slice(40).every(({ member }) => member === 'b')).toBe(true);
      expect(watch.overlaps).toEqual([]);
      await b.close();
    });
  });
}

type Until = (holds: () => boolean) => Promise<void>;
