import { RelearnError } from '@relearn/kernel';
import { leaseCollection } from '@relearn/runtime';
import { describe, expect, test } from 'vitest';
import { copies, run, said, square, stored, tick } from './world/deciding.js';
import { type Durable, memoryDurable, partitions } from './world/durable.js';
import { publish } from './world/log.js';
import { fast } from './world/process.js';
import {
  asking,
  failing,
  toyAsked,
  toyDone,
  toyFailed,
  toyForget,
  toyRemind,
  toyReminded,
  toyStopped,
  type Work,
} from './world/toy-decider.js';

describe('a job', () => {
  const shared = { shared: true, ownGroup: true, clock: fast(100) };

  test("is taken over once its owner's lease has stopped moving, and ends once", async () => {
    const durable = await memoryDurable();
    const runs: string[] = [];
    const first = await run(durable, { ...shared, instance: 'one' }, (n) => {
      runs.push(`one ${n}`);
      return new Promise(() => undefined);
    });
    await publish(durable.bus, 'control', [asking(toyAsked, 'a', 3, 1)]);
    while (runs.length === 0) await tick();
    await first.process.kill();
    const second = await run(durable, { ...shared, instance: 'two' }, async (n) => runs.push(`two ${n}`));
    while ((await said(durable, toyDone)).length === 0) await tick();
    await second.process.settled();
    expect(runs).toEqual(['one 3', 'two 3']);
    expect(await said(durable, toyDone)).toEqual([3]);
    expect(await durable.store.list(leaseCollection, { limit: 10 })).toEqual([]);
    await second.process.stop();
    await durable.close();
  });

  test('stays with an owner that is alive', async () => {
    const durable = await memoryDurable();
    const runs: string[] = [];
    let finish: (n: number) => void = () => undefined;
    const first = await run(durable, { ...shared, instance: 'one' }, () => {
      runs.push('one');
      return new Promise((resolve) => {
        finish = resolve;
      });
    });
    await publish(durable.bus, 'control', [asking(toyAsked, 'a', 3, 1)]);
    while (runs.length === 0) await tick();
    const second = await run(durable, { ...shared, instance: 'two' }, async () => runs.push('two'));
    // Ten times a lease's duration.
    await tick(300);
    expect(runs).toEqual(['one']);
    finish(9);
    while ((await said(durable, toyDone)).length === 0) await tick();
    await first.process.settled();
    await tick(50);
    expect(runs).toEqual(['one']);
    for (const { process } of [first, second]) await process.stop();
    expect(await said(durable, toyDone)).toEqual([3]);
    await durable.close();
  });

  test('of an owner that was stopped for a while is another one’s by then: its result is not taken', async () => {
    const durable = await memoryDurable();
    const runs: string[] = [];
    let finish: (n: number) => void = () => undefined;
    const zombie = await run(durable, { ...shared, instance: 'one' }, () => {
      runs.push('one');
      return new Promise((resolve) => {
        finish = resolve;
      });
    });
    await publish(durable.bus, 'control', [asking(toyAsked, 'a', 3, 1)]);
    while (runs.length === 0) await tick();
    const thaw = zombie.process.freeze();
    const taker = await run(durable, { ...shared, instance: 'two' }, async () => runs.push('two'));
    while ((await said(durable, toyDone)).length === 0) await tick();
    finish(9);
    thaw();
    await zombie.process.settled();
    await taker.process.settled();
    expect(runs).toEqual(['one', 'two']);
    expect(await said(durable, toyDone)).toEqual([3]);
    expect(await copies(durable)).toBe(0);
    for (const { process } of [zombie, taker]) await process.stop();
    await durable.close();
  });

  test('that is cancelled is told so, and what it answers is not taken', async () => {
    const durable = await memoryDurable();
    let aborted = false;
    const { process } = await run(durable, {}, (n, { signal }) =>
      n === 2
        ? Promise.resolve(2)
        : new Promise((resolve) => {
            signal.addEventListener('abort', () => {
              aborted = true;
              resolve(1);
            });
          }),
    );
    await publish(durable.bus, 'control', [asking(toyAsked, 'a', 1, 1), asking(toyAsked, 'a', 2, 2)]);
    while ((await said(durable, toyDone)).length === 0) await tick();
    await publish(durable.bus, 'control', [asking(toyStopped, 'a', 1, 3)]);
    await process.settled();
    expect(aborted).toBe(true);
    expect(await said(durable, toyDone)).toEqual([2]);
    expect(await said(durable, toyFailed)).toEqual([]);
    expect(await stored(durable)).toMatchObject({ state: { running: {} } });
    await process.stop();
    await durable.close();
  });

  test('that is not wanted any more is given up also by a process that is not told', async () => {
    const durable = await memoryDurable();
    let aborted = false;
    const hanging: Work = (_, { signal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          aborted = true;
          resolve(0);
        });
      });
    const deaf = { after: partitions, times: Number.POSITIVE_INFINITY };
    const first = await run(durable, { ...shared, instance: 'one', failReads: deaf }, hanging);
    await publish(durable.bus, 'control', [asking(toyAsked, 'a', 3, 1)]);
    while ((await stored(durable)) === null) await tick();
    const second = await run(durable, { ...shared, instance: 'two' });
    await publish(durable.bus, 'control', [asking(toyStopped, 'a', 3, 2)]);
    while (!aborted) await tick();
    expect(await said(durable, toyDone)).toEqual([]);
    for (const { process } of [first, second]) await process.stop();
    expect(await durable.store.list(leaseCollection, { limit: 10 })).toEqual([]);
    await durable.close();
  });

  test('is tried again while its failure may pass, and fails for good otherwise', async () => {
    for (const [work, done] of [
      [failing(2), true],
      [failing(3), false],
      [async () => Promise.reject(new RelearnError('CORRUPT', 'broken')), false],
    ] as const) {
      const durable = await memoryDurable();
      const { process } = await run(durable, {}, work);
      await publish(durable.bus, 'control', [asking(toyAsked, 'a', 1, 1)]);
      await process.settled();
      expect(await said(durable, done ? toyDone : toyFailed)).toEqual([1]);
      expect(await said(durable, done ? toyFailed : toyDone)).toEqual([]);
      await process.stop();
      await durable.close();
    }
  });

  test('waits for blobs that are away, and does not run again for them', async () => {
    const durable = await memoryDurable();
    let asked = 0;
    const away = <T>(work: () => Promise<T>) => {
      asked += 1;
      return asked === 6 ? work() : Promise.reject(new RelearnError('UNAVAILABLE', 'away'));
    };
    const blobs = { ...durable.blobs, put: (bytes: Uint8Array) => away(() => durable.blobs.put(bytes)) };
    let runs = 0;
    const { process } = await run({ ...durable, blobs }, {}, async (n, { ports }) => {
      runs += 1;
      const kept = await ports.blobs.put(Uint8Array.of(n));
      return (await durable.blobs.get(kept))[0] ?? 0;
    });
    await publish(durable.bus, 'control', [asking(toyAsked, 'a', 7, 1)]);
    await process.settled();
    expect(asked).toBe(6);
    expect(runs).toBe(1);
    expect(await said(durable, toyDone)).toEqual([7]);
    await process.stop();
    await durable.close();
  });

  test('that is cancelled waits no longer for blobs that are away', async () => {
    const durable = await memoryDurable();
    let asked = 0;
    const get = async () => {
      asked += 1;
      throw new RelearnError('UNAVAILABLE', 'away');
    };
    const { process } = await run({ ...durable, blobs: { ...durable.blobs, get } }, {}, async (n, { ports }) => {
      await ports.blobs.get('a'.repeat(64));
      return n;
    });
    await publish(durable.bus, 'control', [asking(toyAsked, 'a', 7, 1)]);
    while (asked < 4) await tick();
    await publish(durable.bus, 'control', [asking(toyStopped, 'a', 7, 2)]);
    await process.settled();
    const before = asked;
    await tick(50);
    expect(asked).toBe(before);
    expect(await said(durable, toyFailed)).toEqual([]);
    await process.stop();
    await durable.close();
  });

  test('that ends while results are held is taken when its turn comes, lowest id first', async () => {
    const durable = await memoryDurable();
    const { process } = await run(durable, { holdResults: true }, async (n) => {
      await tick(n === 1 ? 30 : 1);
      return n;
    });
    await publish(
      durable.bus,
      'control',
      [3, 1, 2].map((n, index) => asking(toyAsked, 'a', n, index + 1)),
    );
    const { activity, bus } = process.ports;
    await activity.idle(bus);
    while (activity.jobs() > 0) {
      await activity.releaseNext();
      await activity.idle(bus);
    }
    expect(await said(durable, toyDone)).toEqual([1, 2, 3]);
    await process.stop();
    await durable.close();
  });
});

describe('a timer', () => {
  const remindersOf = async (durable: Durable) => said(durable, toyReminded);

  test('fires once, also when its process died before', async () => {
    const durable = await memoryDurable();
    const first = await run(durable);
    await publish(durable.bus, 'control', [
      asking(toyRemind, 'a', 1, 1),
      asking(toyRemind, 'a', 2, 2),
      asking(toyForget, 'a', 2, 3),
    ]);
    await first.process.settled();
    await first.process.kill();
    const second = await run(durable);
    while ((await remindersOf(durable)).length === 0) await tick();
    await tick(60);
    await second.process.settled();
    expect(await remindersOf(durable)).toEqual([1]);
    expect(await stored(durable)).toMatchObject({ state: { reminders: [] } });
    await second.process.stop();
    await durable.close();
  });

  test.each(
    ['before-write', 'after-write', 'before-outbox', 'after-outbox'].flatMap((point) =>
      (['kill', 'throw'] as const).map((by) => [point, by] as const),
    ),
  )('through a crash at %s (%s) fires once', async (point, by) => {
    const durable = await memoryDurable();
    const writes = point.endsWith('write') ? 2 : 1;
    const first = await run(durable, { crash: { point: `toy:${point}`, hit: writes, by } });
    await publish(durable.bus, 'control', [asking(toyRemind, 'a', 1, 1)]);
    await Promise.race([first.process.died, tick(150)]);
    const second = first.process.isDead ? await run(durable) : first;
    while ((await remindersOf(durable)).length === 0) await tick();
    await tick(60);
    expect(await remindersOf(durable)).toEqual([1]);
    await second.process.stop();
    await durable.close();
  });

  test('does not fire once its process has stopped', async () => {
    const durable = await memoryDurable();
    const { process } = await run(durable, {}, square, 400);
    await publish(durable.bus, 'control', [asking(toyRemind, 'a', 1, 1)]);
    await process.settled();
    await process.stop();
    await tick(500);
    expect(await remindersOf(durable)).toEqual([]);
    expect(await stored(durable)).toMatchObject({ state: { reminders: [1] } });
    await durable.close();
  });
});
