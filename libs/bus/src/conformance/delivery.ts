import { describe, expect, test } from 'vitest';
import type { Bus, PartitionReader, Subscription } from '../port.js';
import {
  type BusFactory,
  everyPartition,
  never,
  partitions,
  record,
  take,
  textOf,
  topic,
  until,
  wide,
  withBus,
} from './fixture.js';
import { joinGroup, Watch } from './member.js';

const limits = { ...wide, maxRecords: 3 };

export function deliveryTests(factory: BusFactory): void {
  describe('order by key', () => keyTests(factory));
  describe('redelivery', () => redeliveryTests(factory));
}

/** A key's partition, as callers choose it: any function that is always the same. */
function partitionOf(key: string): number {
  return Buffer.from(key).reduce((sum, byte) => (sum * 31 + byte) % 65_521, 7) % partitions;
}

function keyTests(factory: BusFactory): void {
  test('the records of a key are worked off in their order, whoever in the group has them', () =>
    withBus(factory, async ({ bus, kernel }) => {
      const keys = Array.from({ length: 12 }, (_, n) => `aircraft ${n}`);
      const watch = new Watch();
      const a = await joinGroup({ bus, group: 'g', name: 'a', watch });
      for (let n = 0; n < 10; n++)
        await bus.publish(keys.map((key) => record(partitionOf(key), `${key}/${n}`, { key })));
      const b = await joinGroup({ bus, group: 'g', name: 'b', watch });
      for (let n = 10; n < 20; n++)
        await bus.publish(keys.map((key) => record(partitionOf(key), `${key}/${n}`, { key })));
      await until(kernel, () => watch.seen.length === 20 * keys.length);
      for (const key of keys) {
        const mine = watch.texts().filter((text) => text.startsWith(`${key}/`));
        expect(mine).toEqual(Array.from({ length: 20 }, (_, n) => `${key}/${n}`));
      }
      await Promise.all([a.close(), b.close()]);
    }));
}

interface Assigned {
  readonly reader: PartitionReader;
  readonly subscription: Subscription;
}

/** A member of the group, and its reader of partition 0. */
async function assigned(bus: Bus, group = 'g'): Promise<Assigned> {
  let resolve: (reader: PartitionReader) => void = () => undefined;
  const found = new Promise<PartitionReader>((given) => {
    resolve = given;
  });
  const subscription = await bus.subscribe({
    group,
    topics: [topic],
    onAssigned: (partition, [reader]) => {
      if (partition === 0 && reader !== undefined) resolve(reader);
    },
    onRevoked: () => Promise.resolve(),
  });
  return { reader: await found, subscription };
}

function redeliveryTests(factory: BusFactory): void {
  test('a record whose work has failed comes again, and nothing after it is skipped', () =>
    withBus(factory, async ({ bus }) => {
      await bus.publish(['a', 'b', 'poor', 'c', 'd'].map((text) => record(0, text)));
      const { reader, subscription } = await assigned(bus);
      const done: string[] = [];
      let failures = 0;
      while (done.length < 5) {
        for (const one of await reader.next(limits, never)) {
          if (textOf(one) === 'poor' && failures < 3) {
            failures += 1;
            reader.seek(one.position);
            break;
          }
          done.push(textOf(one));
          await reader.commit(one.position + 1);
        }
      }
      expect(done).toEqual(['a', 'b', 'poor', 'c', 'd']);
      expect(failures).toBe(3);
      await subscription.close();
    }));

  test('a member that goes away in the middle leaves to the next all that it has not committed', () =>
    withBus(factory, async ({ bus }) => {
      await bus.publish(Array.from({ length: 9 }, (_, n) => record(0, `${n}`)));
      const first = await assigned(bus);
      const read = await take(first.reader, 6, limits);
      await first.reader.commit(read[3]?.position ?? 0);
      await first.subscription.close();
      const second = await assigned(bus);
      expect((await take(second.reader, 6, limits)).map(textOf)).toEqual(['3', '4', '5', '6', '7', '8']);
      await second.subscription.close();
    }));

  test('a member that never commits reads on, and all of it comes again', () =>
    withBus(factory, async ({ bus }) => {
      const texts = Array.from({ length: 12 }, (_, n) => `${n}`);
      await bus.publish(texts.map((text) => record(0, text)));
      const first = await assigned(bus);
      expect((await take(first.reader, 12, limits)).map(textOf)).toEqual(texts);
      await bus.publish([record(0, 'more')]);
      expect((await take(first.reader, 1)).map(textOf)).toEqual(['more']);
      await first.subscription.close();
      const second = await assigned(bus);
      expect((await take(second.reader, 13)).map(textOf)).toEqual([...texts, 'more']);
      await second.subscription.close();
    }));

  test('a commit may go back: what comes after it comes again', () =>
    withBus(factory, async ({ bus }) => {
      const positions = await bus.publish(['a', 'b', 'c'].map((text) => record(0, text)));
      const first = await assigned(bus);
      await take(first.reader, 3);
      await first.reader.commit((positions[2] ?? 0) + 1);
      await first.reader.commit(positions[1] ?? 0);
      await first.subscription.close();
      const second = await assigned(bus);
      expect((await take(second.reader, 2)).map(textOf)).toEqual(['b', 'c']);
      await second.subscription.close();
    }));

  test('a partition whose record is not ended does not hold the others', () =>
    withBus(factory, async ({ bus, kernel }) => {
      const watch = new Watch();
      let finish: () => void = () => undefined;
      const finished = new Promise<void>((resolve) => {
        finish = resolve;
      });
      const work = (text: string) => (text === '0' ? finished : Promise.resolve());
      const member = await joinGroup({ bus, group: 'g', name: 'a', watch, work });
      await bus.publish(everyPartition(40));
      await until(kernel, () => watch.seen.length === 30);
      expect(watch.seen.every(({ partition }) => partition !== 0)).toBe(true);
      finish();
      await until(kernel, () => watch.seen.length === 40);
      const held = watch.seen.filter(({ partition }) => partition === 0).map(({ text }) => Number(text));
      expect(held).toEqual(Array.from({ length: 10 }, (_, n) => n * partitions));
      await member.close();
    }));
}
