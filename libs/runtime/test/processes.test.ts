import { RelearnError } from '@relearn/kernel';
import { aggregateCollection, leaseCollection, own } from '@relearn/runtime';
import type { Store } from '@relearn/store';
import { describe, expect, test } from 'vitest';
import { copies, run, said, stored, tick } from './world/deciding.js';
import { type Durable, memoryDurable } from './world/durable.js';
import { publish } from './world/log.js';
import { fast } from './world/process.js';
import { asking, toyAsked, toyDone, toyStarted, toyTold } from './world/toy-decider.js';

const tell = (n: number) => own({ type: toyTold, data: { n }, pipelineVersion: 1 });
const shared = { shared: true, clock: fast(100) };

/** Writes of the collection are done, and the answers of some of them are lost. */
function losing(durable: Durable, collection: string, lost: (write: number) => boolean): Durable {
  let writes = 0;
  const losesAnswer = async <T>(name: string, write: () => Promise<T>): Promise<T> => {
    const answer = await write();
    if (name === collection && lost(++writes)) throw new RelearnError('UNAVAILABLE', 'the answer was lost');
    return answer;
  };
  const store: Store = {
    ...durable.store,
    create: (...given) => losesAnswer(given[0], () => durable.store.create(...given)),
    replace: (...given) => losesAnswer(given[0], () => durable.store.replace(...given)),
  };
  return { ...durable, store };
}

describe('a write whose answer is lost', () => {
  test('is not done again: a command has its effect once', async () => {
    const durable = await memoryDurable();
    const { process, part } = await run(losing(durable, aggregateCollection('toy'), () => true));
    for (const n of [1, 2, 3]) {
      const events = await part.host.command('a', n, 'ann', () => ({ events: [tell(n)] }));
      expect(events.map(({ sequence }) => sequence)).toEqual([n]);
    }
    await process.settled();
    expect(await said(durable, toyTold)).toEqual([1, 2, 3]);
    expect(await copies(durable)).toBe(0);
    await process.stop();
    await durable.close();
  });

  test('does not cost a job its lease', async () => {
    const durable = await memoryDurable();
    const runs: number[] = [];
    let finish: (n: number) => void = () => undefined;
    const { process } = await run(
      losing(durable, leaseCollection, (write) => write > 1),
      shared,
      (n) => {
        runs.push(n);
        return new Promise((resolve) => {
          finish = resolve;
        });
      },
    );
    await publish(durable.bus, 'control', [asking(toyAsked, 'a', 3, 1)]);
    while (((await durable.store.list(leaseCollection, { limit: 1 }))[0]?.version ?? 0) < 5) await tick();
    finish(9);
    while ((await said(durable, toyDone)).length === 0) await tick();
    await process.settled();
    expect(runs).toEqual([3]);
    expect(await durable.store.list(leaseCollection, { limit: 1 })).toEqual([]);
    await process.stop();
    await durable.close();
  });
});

describe('an aggregate that another process has written since', () => {
  test('is decided upon and answered as the store has it', async () => {
    const durable = await memoryDurable();
    const doors = [
      await run(durable, { ...shared, instance: 'one', ownGroup: true }),
      await run(durable, { ...shared, instance: 'two', ownGroup: true }),
    ] as const;
    const [one, two] = doors;
    await publish(durable.bus, 'control', [asking(toyAsked, 'a', 1, 1)]);
    while ((await said(durable, toyDone)).length === 0) await tick();
    for (const { process } of doors) await process.settled();
    const now = (await stored(durable))?.state;
    expect(await one.part.host.state('a')).toEqual(now);
    expect(await two.part.host.state('a')).toEqual(now);

    const seen: number[] = [];
    for (const [n, { part }] of [...doors, ...doors].entries()) {
      await part.host.command('b', n, 'ann', ({ started }) => {
        seen.push(started.length);
        return { events: [own({ type: toyStarted, data: { n }, pipelineVersion: 1 })] };
      });
    }
    // Nobody decided on less than what had been written, not even at first.
    expect(seen).toEqual([0, 1, 2, 3]);
    for (const { process } of doors) await process.stop();
    await durable.close();
  });
});

describe('a process that dies after it has written for a door', () => {
  test('leaves its outbox to whoever has the partition, without a restart and without another event', async () => {
    const durable = await memoryDurable();
    const owner = await run(durable, { ...shared, instance: 'owner', ownGroup: true });
    await publish(durable.bus, 'control', [asking(toyAsked, 'a', 1, 1)]);
    while ((await said(durable, toyDone)).length === 0) await tick();
    await owner.process.settled();
    const door = await run(durable, {
      ...shared,
      instance: 'door',
      ownGroup: true,
      crash: { point: 'toy:after-write', hit: 1, by: 'kill' },
    });
    void door.part.host.command('a', 5, 'ann', () => ({ events: [tell(7)] })).catch(() => undefined);
    await door.process.died;
    expect(await said(durable, toyTold)).toEqual([]);
    while ((await said(durable, toyTold)).length === 0) await tick();
    expect(await said(durable, toyTold)).toEqual([7]);
    expect((await stored(durable))?.outbox).toEqual([]);
    await owner.process.stop();
    await durable.close();
  });
});
