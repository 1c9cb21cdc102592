import { describe, expect, test } from 'vitest';
import { type BusFactory, contents, everyPartition, record, take, textOf, topic, until, withBus } from './fixture.js';
import { joinGroup, Watch } from './member.js';

export function replayTests(factory: BusFactory): void {
  describe('replay', () => {
    test('from any position on, all that came after it comes again in its order', () =>
      withBus(factory, async ({ bus }) => {
        await bus.publish(Array.from({ length: 60 }, (_, n) => record(2, `${n}`)));
        const all = await contents(bus, 2);
        for (const start of [0, 1, 29, 58, 59]) {
          const again = await take(bus.follow(topic, 2, all[start]?.position ?? 0), 60 - start);
          expect(again).toEqual(all.slice(start));
        }
      }));

    test('from a time on, all that was appended since comes again', () =>
      withBus(factory, async ({ bus, kernel }) => {
        await bus.publish(everyPartition(16, 'early'));
        await kernel.clock.sleep(5);
        const wall = kernel.clock.wall();
        const positions = await bus.publish(everyPartition(16, 'late'));
        for (let partition = 0; partition < 4; partition++) {
          const from = await bus.positionAt(topic, partition, wall);
          expect(from).toBe(positions[partition]);
          const again = (await take(bus.follow(topic, partition, from), 4)).map(textOf);
          expect(again).toEqual([0, 4, 8, 12].map((n) => `late${n + partition}`));
        }
      }));

    test('a replay disturbs no group: that goes on where it has committed', () =>
      withBus(factory, async ({ bus, kernel }) => {
        const watch = new Watch();
        await bus.publish(everyPartition(20, 'early'));
        const first = await joinGroup({ bus, group: 'g', name: 'a', watch });
        await until(kernel, () => watch.seen.length === 20);
        const [oldest] = await contents(bus, 0);
        expect((await take(bus.follow(topic, 0, oldest?.position ?? 0), 5)).map(textOf)).toContain('early0');
        await first.close();
        await bus.publish(everyPartition(4, 'late'));
        const second = await joinGroup({ bus, group: 'g', name: 'b', watch });
        await until(kernel, () => watch.seen.length === 24);
        expect(watch.texts().slice(20).sort()).toEqual(['late0', 'late1', 'late2', 'late3']);
        await second.close();
      }));
  });
}
