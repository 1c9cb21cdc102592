import type { Bus } from '@relearn/bus';
import {
  deciderPart,
  type FoldedService,
  foldPart,
  hashOf,
  listAll,
  type Ports,
  readCommitted,
  readStored,
  rebuildReached,
  rebuildStored,
  stateOf,
  writeRebuilt,
} from '@relearn/runtime';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { said, square } from './world/deciding.js';
import { adapters, type Durable, memoryDurable } from './world/durable.js';
import { publish, readOnce } from './world/log.js';
import { type Crash, TestProcess } from './world/process.js';
import { asking, toyAsked, toyDecider, toyDone, toyStarted } from './world/toy-decider.js';
import { rowsEvent, toyFold, toySums } from './world/toy-fold.js';

const service = (): FoldedService => ({ folds: [toyFold()], deciders: [toyDecider(square)] }) as FoldedService;
const collections = ['checkpoints', 'leases', 'aggregates-toy'];

async function run(durable: Durable, crash?: Crash): Promise<TestProcess> {
  const process = new TestProcess(durable, crash === undefined ? {} : { crash });
  await process.start([deciderPart(process.ports, toyDecider(square)), foldPart(process.ports, toyFold())]);
  return process;
}

async function forget({ store }: Durable): Promise<void> {
  for (const collection of collections) {
    for (const { id } of await listAll(store, collection)) await store.remove(collection, id);
  }
}

async function rebuild(durable: Durable): Promise<void> {
  const { ports } = new TestProcess(durable);
  await writeRebuilt(durable.store, await rebuildReached(ports, service(), await readCommitted(ports, service())));
}

/** Hashes of what is stored, and of what log and blobs give. */
async function hashes(durable: Durable, ports: Ports = new TestProcess(durable).ports) {
  const stored = await readStored(durable.store, service());
  return [hashOf(stateOf(stored)), hashOf(stateOf(await rebuildStored(ports, service(), stored)))] as const;
}

async function work(durable: Durable, from: number, to: number): Promise<void> {
  const numbers = Array.from({ length: to - from }, (_, index) => from + index + 1);
  await publish(
    durable.bus,
    'control',
    numbers.map((n) => asking(toyAsked, 'a', n, n)),
  );
  for (const topic of ['data.valid', 'predictions'] as const) {
    await publish(
      durable.bus,
      topic,
      numbers.map((n) => rowsEvent(topic, 'a', n - 1, n, n === 1 ? null : n - 1)),
    );
  }
}

async function expectOnce(durable: Durable, count: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  expect(await said(durable, toyStarted)).toEqual(numbers);
  expect((await said(durable, toyDone)).toSorted((a, b) => a - b)).toEqual(numbers);
  const sums = await readOnce(durable.bus, 'features');
  for (const topic of ['data.valid', 'predictions']) {
    const mine = sums.filter(({ event }) => event.source === `toy/a/0/${topic}/features`);
    const rows = mine.flatMap(({ event, fromRow }) => toySums.read(event).data.values.slice(fromRow));
    expect(rows).toEqual(numbers);
  }
}

const points = ['publish', 'checkpoint', 'write', 'outbox'].flatMap((step) => [`before-${step}`, `after-${step}`]);

describe.each(adapters)('without documents on %s', (name, open) => {
  test('all goes on where it was killed, and everything happens once', async () => {
    const crash = fc.record({
      point: fc.constantFrom(...points, 'after-job').map((point) => `toy:${point}`),
      hit: fc.integer({ min: 1, max: 6 }),
      by: fc.constant<Crash['by']>('kill'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(crash, { minLength: 1, maxLength: 3 }), async (crashes) => {
        const durable = await open();
        let done = 0;
        for (const one of crashes) {
          const process = await run(durable, one);
          await work(durable, done, done + 4);
          done += 4;
          await process.settled();
          if (!process.isDead) await process.kill();
          await forget(durable);
          await rebuild(durable);
        }
        const last = await run(durable);
        await last.settled();
        await last.stop();
        await expectOnce(durable, done);
        const [stored, rebuilt] = await hashes(durable);
        expect(rebuilt).toEqual(stored);
        await forget(durable);
        await rebuild(durable);
        expect((await hashes(durable))[0]).toEqual(stored);
        await durable.close();
      }),
      { numRuns: name === 'memory' ? 15 : 4 },
    );
  });
});

/** The bus when the data topics are no longer kept below the position. */
function forgetful(bus: Bus, below: number): Bus {
  const short = (topic: string) => topic === 'data.valid' || topic === 'predictions';
  return new Proxy(bus, {
    get(target, property) {
      if (property === 'bounds') {
        return async (topic: string) =>
          (await bus.bounds(topic)).map(({ first, end }) => ({
            first: short(topic) ? Math.max(first, below) : first,
            end,
          }));
      }
      if (property === 'read') {
        return (...[topic, partition, from, limits]: Parameters<Bus['read']>) =>
          bus.read(topic, partition, short(topic) ? Math.max(from, below) : from, limits);
      }
      const value: unknown = Reflect.get(target, property);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describe('where the log no longer reaches back', () => {
  async function through(durable: Durable, ends: readonly number[]): Promise<void> {
    let done = 0;
    for (const end of ends) {
      const process = await run(durable);
      await work(durable, done, end);
      await process.settled();
      await process.stop();
      done = end;
    }
  }

  test('a shard is folded from its last saved checkpoint, whose parts are kept until the next one', async () => {
    const durable = await memoryDurable();
    await through(durable, [5, 9, 14]);
    const [stored] = await hashes(durable);
    const short = { ...new TestProcess(durable).ports, bus: forgetful(durable.bus, 12) };
    expect(await hashes(durable, short)).toEqual([stored, stored]);
    await forget(durable);
    const rebuilt = await rebuildReached(short, service(), await readCommitted(short, service()));
    expect(hashOf(stateOf(rebuilt))).toEqual(stored);
    await durable.close();
  });

  test('nothing is made up when there is no saved checkpoint either', async () => {
    const durable = await memoryDurable();
    await through(durable, [5]);
    for (const digest of await durable.blobs.list({ limit: 100 })) await durable.blobs.remove(digest);
    const short = { ...new TestProcess(durable).ports, bus: forgetful(durable.bus, 3) };
    await expect(hashes(durable, short)).rejects.toMatchObject({ code: 'CORRUPT' });
    await durable.close();
  });
});

test('a rebuild is refused while somebody reads', async () => {
  const durable = await memoryDurable();
  const process = await run(durable);
  const { ports } = new TestProcess(durable);
  const late = { ...ports, kernel: { ...ports.kernel, clock: { ...ports.kernel.clock, now: late60() } } };
  await expect(readCommitted(late, service())).rejects.toMatchObject({ code: 'REFUSED' });
  await process.stop();
  await durable.close();
});

/** A clock on which a minute goes by between two looks. */
function late60(): () => number {
  let now = 0;
  return () => (now += 61_000);
}
