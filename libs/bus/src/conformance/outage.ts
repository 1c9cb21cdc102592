import { retry } from '@relearn/kernel';
import { describe, expect } from 'vitest';
import {
  type BusFactory,
  type BusUnderTest,
  contents,
  everyPartition,
  expectCode,
  type Lacks,
  never,
  partitions,
  publishRetrying,
  record,
  take,
  testWith,
  textOf,
  topic,
  until,
  wide,
} from './fixture.js';
import { joinGroup, Watch } from './member.js';

/** For buses with a server: it dies and comes back, and everybody goes on where he was. */
export function outageTests(factory: BusFactory, lacks: Lacks): void {
  // A server that starts again takes what the machine gives it.
  describe('outage', { timeout: 180_000 }, () => {
    testWith(
      'server',
      lacks,
      factory,
      'what was acknowledged before the server died is there',
      async (given, server) => {
        const { bus } = given;
        const sent = Array.from({ length: 10 }, () => everyPartition(40));
        const positions = await Promise.all(sent.map((records) => bus.publish(records)));
        await server.kill();
        await server.restart();
        for (let partition = 0; partition < partitions; partition++) {
          const mine = positions.flatMap((of) => of.filter((_, index) => index % partitions === partition));
          const stored = await untilItAnswers(given, () => contents(bus, partition));
          expect(stored.map(({ position }) => position)).toEqual(mine);
        }
      },
    );

    testWith(
      'server',
      lacks,
      factory,
      'while the server is away a publish fails with a code to retry',
      async (given, server) => {
        await given.bus.publish([record(0, 'before')]);
        await server.kill();
        await expectCode(given.bus.publish([record(0, 'meanwhile')]), 'UNAVAILABLE');
        await expectCode(given.bus.read(topic, 0, 0, wide), 'UNAVAILABLE');
        await server.restart();
        await publishRetrying(given, [record(0, 'after')]);
        const texts = (await untilItAnswers(given, () => contents(given.bus, 0))).map(textOf);
        expect(texts[0]).toBe('before');
        expect(texts.at(-1)).toBe('after');
      },
    );

    testWith(
      'server',
      lacks,
      factory,
      'health says that the server is away, and then that it is back',
      async ({ bus, kernel }, server) => {
        const reading = bus.follow(topic, 0, 0).next(wide, never);
        expect(bus.health?.()).toBeNull();
        await server.kill();
        await until(kernel, () => bus.health?.()?.code === 'UNAVAILABLE');
        await server.restart();
        await until(kernel, () => bus.health?.() === null);
        await publishRetrying({ bus, kernel }, [record(0, 'a')]);
        expect((await reading).map(textOf)).toContain('a');
      },
    );

    testWith('server', lacks, factory, 'followers that wait go on when it is back', async (given, server) => {
      const { bus } = given;
      await bus.publish([record(0, 'a')]);
      const [waiting, idle] = [bus.follow(topic, 0, 0), bus.follow(topic, 1, 0)];
      await take(waiting, 1);
      const reading = [waiting.next(wide, never), idle.next(wide, never)];
      await server.kill();
      await server.restart();
      await publishRetrying(given, [record(0, 'b')]);
      await publishRetrying(given, [record(1, 'c')]);
      expect((await Promise.all(reading)).map((records) => records.map(textOf)[0])).toEqual(['b', 'c']);
    });

    testWith(
      'server',
      lacks,
      factory,
      'a group goes on, and does again at most what it had not committed',
      async (given, server) => {
        const { bus, kernel } = given;
        const watch = new Watch();
        const member = await joinGroup({ bus, group: 'g', name: 'a', watch });
        await bus.publish(everyPartition(20, 'early'));
        await until(kernel, () => watch.seen.length === 20);
        await server.kill();
        await server.restart();
        for (const one of everyPartition(20, 'late')) await publishRetrying(given, [one]);
        const late = () => new Set(watch.texts().filter((text) => text.startsWith('late')));
        await until(kernel, () => late().size === 20);
        expect(watch.overlaps).toEqual([]);
        await member.close();
        expect(watch.holders.size).toBe(0);
      },
    );
  });
}

/** The answer of a read that may meet the time in which the server is not back yet. */
function untilItAnswers<T>({ kernel }: BusUnderTest, work: () => Promise<T>): Promise<T> {
  return retry({ clock: kernel.clock, chance: kernel.chance, longestDelayMs: 200 }, work);
}
