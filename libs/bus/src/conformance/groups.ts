import { describe, expect, test } from 'vitest';
import type { PartitionReader } from '../port.js';
import {
  type BusFactory,
  everyPartition,
  expectCode,
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

const all = Array.from({ length: partitions }, (_, partition) => partition);

export function groupTests(factory: BusFactory): void {
  describe('groups', () => sharingTests(factory));
  describe('rebalancing', () => rebalanceTests(factory));
}

function sharingTests(factory: BusFactory): void {
  test('a single member gets every partition and every record', () =>
    withBus(factory, async ({ bus, kernel }) => {
      const watch = new Watch();
      const member = await joinGroup({ bus, group: 'g', name: 'a', watch });
      await bus.publish(everyPartition(40));
      await until(kernel, () => watch.seen.length === 40);
      expect(watch.partitionsOf('a')).toEqual(all);
      expect(new Set(watch.texts()).size).toBe(40);
      await member.close();
      expect(watch.holders.size).toBe(0);
    }));

  test('a group goes on where it has committed', () =>
    withBus(factory, async ({ bus, kernel }) => {
      const watch = new Watch();
      await bus.publish(everyPartition(20, 'early'));
      const first = await joinGroup({ bus, group: 'g', name: 'a', watch });
      await until(kernel, () => watch.seen.length === 20);
      await first.close();
      await bus.publish(everyPartition(20, 'late'));
      const second = await joinGroup({ bus, group: 'g', name: 'b', watch });
      await until(kernel, () => watch.seen.length === 40);
      expect(watch.seen.slice(20).every(({ member, text }) => member === 'b' && text.startsWith('late'))).toBe(true);
      await second.close();
    }));

  test('what was read but not committed comes again', () =>
    withBus(factory, async ({ bus, kernel }) => {
      await bus.publish(['a', 'b', 'c'].map((text) => record(0, text)));
      const readersOf = async (group: string, use: (reader: PartitionReader) => Promise<void>) => {
        let done = false;
        const subscription = await bus.subscribe({
          group,
          topics: [topic],
          onAssigned: (partition, [reader]) => {
            if (partition === 0 && reader !== undefined) void use(reader).finally(() => (done = true));
          },
          onRevoked: () => Promise.resolve(),
        });
        await until(kernel, () => done);
        await subscription.close();
      };
      await readersOf('g', async (reader) => {
        const records = await take(reader, 3);
        await reader.commit((records[0]?.position ?? 0) + 1);
      });
      const again: string[] = [];
      await readersOf('g', async (reader) => void again.push(...(await take(reader, 2)).map(textOf)));
      expect(again).toEqual(['b', 'c']);
    }));

  test('two groups are independent of each other', () =>
    withBus(factory, async ({ bus, kernel }) => {
      const watches = [new Watch(), new Watch()];
      const members = await Promise.all(
        watches.map((watch, n) => joinGroup({ bus, group: `g${n}`, name: `m${n}`, watch })),
      );
      await bus.publish(everyPartition(24));
      await until(kernel, () => watches.every((watch) => watch.seen.length === 24));
      for (const watch of watches) expect(new Set(watch.texts()).size).toBe(24);
      await Promise.all(members.map((member) => member.close()));
    }));

  test('a member gets the same partition numbers of all its topics', () =>
    withBus(factory, async ({ bus, kernel }) => {
      await bus.ensureTopics([{ name: 'weather', partitions, retentionMs: null }]);
      const topics = [topic, 'weather'];
      const given: string[] = [];
      const join = () =>
        bus.subscribe({
          group: 'g',
          topics,
          onAssigned: (partition, readers) => {
            given.push(...readers.map((reader, index) => `${index}:${reader.topic}:${reader.partition - partition}`));
          },
          onRevoked: () => Promise.resolve(),
        });
      const members = [await join(), await join()];
      await until(kernel, () => given.length >= 2 * partitions + partitions);
      expect(new Set(given)).toEqual(new Set([`0:${topic}:0`, '1:weather:0']));
      await Promise.all(members.map((member) => member.close()));
    }));

  test('topics with different partition counts cannot be read together', () =>
    withBus(factory, async ({ bus }) => {
      await bus.ensureTopics([{ name: 'narrow', partitions: 1, retentionMs: null }]);
      const callbacks = { onAssigned: () => undefined, onRevoked: () => Promise.resolve() };
      await expectCode(bus.subscribe({ group: 'g', topics: [topic, 'narrow'], ...callbacks }), 'REFUSED');
      await expectCode(bus.subscribe({ group: 'g', topics: ['nowhere'], ...callbacks }), 'NOT_FOUND');
    }));

  test('a member that reads other topics than its group is refused, and the group goes on', () =>
    withBus(factory, async ({ bus, kernel }) => {
      await bus.ensureTopics([{ name: 'weather', partitions, retentionMs: null }]);
      const watch = new Watch();
      const member = await joinGroup({ bus, group: 'g', name: 'a', watch });
      await until(kernel, () => watch.holders.size === partitions);
      const callbacks = { onAssigned: () => undefined, onRevoked: () => Promise.resolve() };
      await expectCode(bus.subscribe({ group: 'g', topics: ['weather'], ...callbacks }), 'REFUSED');
      await bus.publish(everyPartition(8));
      await until(kernel, () => watch.seen.length === 8);
      expect(watch.partitionsOf('a')).toEqual(all);
      await member.close();
    }));
}

function rebalanceTests(factory: BusFactory): void {
  test('members share the partitions evenly as they join and leave', () =>
    withBus(factory, async ({ bus, kernel }) => {
      const watch = new Watch();
      const a = await joinGroup({ bus, group: 'g', name: 'a', watch });
      await until(kernel, () => watch.partitionsOf('a').length === 4);
      const b = await joinGroup({ bus, group: 'g', name: 'b', watch });
      await until(kernel, () => watch.partitionsOf('a').length === 2 && watch.partitionsOf('b').length === 2);
      const c = await joinGroup({ bus, group: 'g', name: 'c', watch });
      await until(
        kernel,
        () => ['a', 'b', 'c'].every((name) => watch.partitionsOf(name).length >= 1) && watch.holders.size === 4,
      );
      await a.close();
      await until(kernel, () => watch.partitionsOf('b').length === 2 && watch.partitionsOf('c').length === 2);
      await Promise.all([b.close(), c.close()]);
      expect(watch.holders.size).toBe(0);
      expect(watch.overlaps).toEqual([]);
    }));

  test('a partition moves only after the drain of its former owner', () =>
    withBus(factory, async ({ bus, kernel }) => {
      const order: string[] = [];
      let held = 0;
      let letGo: () => void = () => undefined;
      const drained = new Promise<void>((resolve) => {
        letGo = resolve;
      });
      const first = await bus.subscribe({
        group: 'g',
        topics: [topic],
        onAssigned: () => void held++,
        onRevoked: async (partition) => {
          await drained;
          order.push(`revoked ${partition}`);
        },
      });
      await until(kernel, () => held === partitions);
      const second = await bus.subscribe({
        group: 'g',
        topics: [topic],
        onAssigned: (partition) => order.push(`assigned ${partition}`),
        onRevoked: () => Promise.resolve(),
      });
      for (let n = 0; n < 20; n++) await kernel.clock.breathe();
      expect(order).toEqual([]);
      letGo();
      await until(kernel, () => order.length === 4);
      for (const event of order.filter((one) => one.startsWith('assigned'))) {
        expect(order.indexOf(event.replace('assigned', 'revoked'))).toBeLessThan(order.indexOf(event));
        expect(order).toContain(event.replace('assigned', 'revoked'));
      }
      await Promise.all([first.close(), second.close()]);
    }));

  test('with work in flight nothing is lost, done twice or done by two at once', () =>
    withBus(factory, async ({ bus, kernel }) => {
      const watch = new Watch();
      const work = async () => {
        for (let pause = kernel.chance.next() * 3; pause >= 1; pause--) await kernel.clock.breathe();
      };
      const join = (name: string) => joinGroup({ bus, group: 'g', name, watch, work });
      // Goes on for as long as members come and go, a little ahead of them.
      let total = 0;
      let over = false;
      const publishing = (async () => {
        while (!over) {
          await bus.publish([record(total % partitions, `${total}`)]);
          total += 1;
          await until(kernel, () => over || total - watch.seen.length < 40);
        }
      })();
      const seenMore = async (count: number) => {
        const before = watch.seen.length;
        await until(kernel, () => watch.seen.length >= before + count);
      };
      const holds = (name: string, count: number) => until(kernel, () => watch.partitionsOf(name).length === count);
      const a = await join('a');
      await seenMore(30);
      const b = await join('b');
      await holds('b', 2);
      await seenMore(30);
      const c = await join('c');
      await a.close();
      await holds('c', 2);
      await seenMore(30);
      await c.close();
      await holds('b', 4);
      over = true;
      await publishing;
      await until(kernel, () => watch.seen.length >= total);
      await b.close();
      expect(watch.overlaps).toEqual([]);
      const numbers = watch.texts().map(Number);
      expect(numbers.sort((x, y) => x - y)).toEqual(Array.from({ length: total }, (_, n) => n));
      for (const partition of all) {
        const mine = watch.seen.filter((one) => one.partition === partition).map(({ text }) => Number(text));
        expect(mine).toEqual([...mine].sort((x, y) => x - y));
      }
    }));

  test('what a member has begun when another joins is ended and committed before the other begins', () =>
    withBus(factory, async ({ bus, kernel }) => {
      const watch = new Watch();
      let finish: () => void = () => undefined;
      const finished = new Promise<void>((resolve) => {
        finish = resolve;
      });
      let begun = 0;
      await bus.publish(
        all.flatMap((partition) => [record(partition, `1/${partition}`), record(partition, `2/${partition}`)]),
      );
      const slow = await joinGroup({
        bus,
        group: 'g',
        name: 'slow',
        watch,
        work: async () => {
          begun += 1;
          await finished;
        },
      });
      await until(kernel, () => begun === partitions);
      const heir = await joinGroup({ bus, group: 'g', name: 'heir', watch });
      for (let n = 0; n < 20; n++) await kernel.clock.breathe();
      expect(watch.seen).toEqual([]);
      finish();
      await until(kernel, () => watch.seen.length === 2 * partitions);
      for (const partition of all) {
        const mine = watch.seen.filter((one) => one.partition === partition);
        expect(mine.map(({ text }) => text)).toEqual([`1/${partition}`, `2/${partition}`]);
        expect(mine[0]?.member).toBe('slow');
      }
      expect(watch.overlaps).toEqual([]);
      await Promise.all([slow.close(), heir.close()]);
    }));

  test('a reader whose partition has moved is FENCED', () =>
    withBus(factory, async ({ bus, kernel }) => {
      const readers: PartitionReader[] = [];
      const member = await bus.subscribe({
        group: 'g',
        topics: [topic],
        onAssigned: (_, [reader]) => {
          if (reader !== undefined) readers.push(reader);
        },
        onRevoked: () => Promise.resolve(),
      });
      await until(kernel, () => readers.length === partitions);
      const [reader] = readers;
      if (reader === undefined) throw new Error('nothing was assigned');
      const waiting = expectCode(reader.next(wide, never), 'FENCED');
      await member.close();
      await waiting;
      await expectCode(reader.commit(1), 'FENCED');
    }));

  test('closing the bus drains its members, who may still publish and commit', () =>
    withBus(factory, async ({ bus, kernel }) => {
      const drained: number[] = [];
      let held = 0;
      await bus.subscribe({
        group: 'g',
        topics: [topic],
        onAssigned: () => void held++,
        onRevoked: async (partition) => {
          await bus.publish([record(partition, 'last')]);
          drained.push(partition);
        },
      });
      await until(kernel, () => held === partitions);
      await Promise.all([bus.close(), bus.close()]);
      expect(new Set(drained)).toEqual(new Set(all));
      expect(drained).toHaveLength(partitions);
      const callbacks = { onAssigned: () => undefined, onRevoked: () => Promise.resolve() };
      await expectCode(bus.subscribe({ group: 'g', topics: [topic], ...callbacks }), 'UNAVAILABLE');
    }));

  test('a drain that fails lets the partition go and is told by close', () =>
    withBus(factory, async ({ bus, kernel }) => {
      const watch = new Watch();
      let held = 0;
      const failing = await bus.subscribe({
        group: 'g',
        topics: [topic],
        onAssigned: () => void held++,
        onRevoked: () => Promise.reject(new Error('no drain')),
      });
      await until(kernel, () => held === partitions);
      const heir = await joinGroup({ bus, group: 'g', name: 'heir', watch });
      await until(kernel, () => watch.partitionsOf('heir').length === 2);
      await expect(failing.close()).rejects.toThrow('no drain');
      await until(kernel, () => watch.partitionsOf('heir').length === 4);
      await heir.close();
    }));
}
