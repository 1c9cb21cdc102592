import { decodeEvent } from '@relearn/contracts';
import { own } from '@relearn/runtime';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { copies, run, said, stored, tick } from './world/deciding.js';
import { adapters, type Durable, memoryDurable } from './world/durable.js';
import { publish, readOnce } from './world/log.js';
import type { Crash } from './world/process.js';
import { asking, toyAsked, toyDone, toyStarted, toyTold } from './world/toy-decider.js';

const points = ['before-write', 'after-write', 'before-outbox', 'after-outbox', 'after-job'];
const pipelines = ['a', 'b'] as const;

/** Each process gets its share of the questions and works until it dies or has done all; the last one does the rest. */
async function throughCrashes(
  durable: Durable,
  asked: Readonly<Record<string, number>>,
  crashes: readonly Crash[],
): Promise<void> {
  const next: Record<string, number> = {};
  for (let attempt = 0; attempt <= crashes.length; attempt++) {
    const crash = crashes[attempt];
    const { process } = await run(
      durable,
      crash === undefined ? {} : { crash: { ...crash, point: `toy:${crash.point}` } },
    );
    for (const [pipeline, count] of Object.entries(asked)) {
      const from = next[pipeline] ?? 0;
      const to = Math.floor((count * (attempt + 1)) / (crashes.length + 1));
      next[pipeline] = to;
      const numbers = Array.from({ length: to - from }, (_, index) => from + index + 1);
      await publish(
        durable.bus,
        'control',
        numbers.map((n) => asking(toyAsked, pipeline, n, n)),
      );
    }
    await process.settled();
    if (!process.isDead) await process.stop();
  }
}

async function expectOnce(durable: Durable, asked: Readonly<Record<string, number>>): Promise<void> {
  for (const [pipeline, count] of Object.entries(asked)) {
    const numbers = Array.from({ length: count }, (_, index) => index + 1);
    expect(await said(durable, toyStarted, pipeline)).toEqual(numbers);
    const done = await said(durable, toyDone, pipeline);
    expect(done.toSorted((a, b) => a - b)).toEqual(numbers);
    if (count === 0) continue;
    const document = await stored(durable, pipeline);
    expect(document).toMatchObject({ state: { started: numbers, ended: done, running: {} }, outbox: [] });
  }
}

describe.each(adapters)('a decider on %s', (name, open) => {
  test('through crashes starts and ends each job once, two pipelines beside each other', async () => {
    const count = fc.integer({ min: 0, max: 12 });
    const crash = fc.record({
      point: fc.constantFrom(...points),
      hit: fc.integer({ min: 1, max: 6 }),
      by: fc.constantFrom<Crash['by']>('kill', 'throw'),
    });
    await fc.assert(
      fc.asyncProperty(fc.record({ a: count, b: count }), fc.array(crash, { maxLength: 4 }), async (asked, crashes) => {
        const durable = await open();
        try {
          await throughCrashes(durable, asked, crashes);
          await expectOnce(durable, asked);
        } finally {
          await durable.close();
        }
      }),
      { numRuns: name === 'memory' ? 40 : 8 },
    );
  });

  test.each(points.flatMap((point) => (['kill', 'throw'] as const).map((by) => [point, by] as const)))(
    'at %s (%s) does the same as without a crash',
    async (point, by) => {
      const durable = await open();
      const asked = Object.fromEntries(pipelines.map((pipeline) => [pipeline, 5]));
      await throughCrashes(durable, asked, [
        { point, hit: 1, by },
        { point, hit: 3, by },
      ]);
      await expectOnce(durable, asked);
      await durable.close();
    },
  );
});

describe("a decider's outbox", () => {
  test('is published again after a crash before it was cleared, and readers see its events once', async () => {
    const durable = await memoryDurable();
    await throughCrashes(durable, { a: 2 }, [{ point: 'after-outbox', hit: 1, by: 'kill' }]);
    expect(await copies(durable)).toBeGreaterThan(0);
    await expectOnce(durable, { a: 2 });
    await durable.close();
  });

  test("holds what a door's write says: killed right after the write, the next process publishes it", async () => {
    const durable = await memoryDurable();
    const first = await run(durable, { crash: { point: 'toy:after-write', hit: 1, by: 'kill' } });
    const tell = own({ type: toyTold, data: { n: 7 }, pipelineVersion: 1 });
    void first.part.host.command('a', 5, 'ann', () => ({ events: [tell] })).catch(() => undefined);
    await first.process.died;
    expect(await said(durable, toyTold)).toEqual([]);
    const second = await run(durable);
    await second.process.settled();
    const [event] = await readOnce(durable.bus, 'control');
    expect(event?.event).toMatchObject({ data: { n: 7 }, actor: 'ann', time: '1970-01-01T00:00:00.005Z' });
    await second.process.stop();
    await durable.close();
  });

  test('commands of several doors at once all take effect', async () => {
    const durable = await memoryDurable();
    const doors = [
      await run(durable, { instance: 'one', ownGroup: true }),
      await run(durable, { instance: 'two', ownGroup: true }),
    ];
    const tell = (n: number) => ({ events: [own({ type: toyTold, data: { n }, pipelineVersion: 1 })] });
    await Promise.all(
      Array.from({ length: 20 }, async (_, n) => doors[n % 2]?.part.host.command('a', n, 'ann', () => tell(n))),
    );
    for (const { process } of doors) await process.settled();
    expect((await said(durable, toyTold)).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    for (const { process } of doors) await process.stop();
    await durable.close();
  });
});

describe('a control partition', () => {
  test('is held at a gap', async () => {
    const durable = await memoryDurable();
    const { process } = await run(durable);
    await publish(durable.bus, 'control', [
      asking(toyAsked, 'a', 1, 1),
      asking(toyAsked, 'a', 3, 3),
      asking(toyAsked, 'b', 1, 1),
    ]);
    await tick(60);
    const events = (await durable.bus.read('control', 0, 0, { maxRecords: 100, maxBytes: 1 << 20 })).map(decodeEvent);
    expect(
      events.filter((event) => event.type === toyStarted.type).map(({ pipeline, data }) => [pipeline, data]),
    ).toEqual([['a', { n: 1 }]]);
    await process.stop();
    await durable.close();
  });

  test('is not held by a late copy of an old event that is the first one seen after a start', async () => {
    const durable = await memoryDurable();
    const first = await run(durable);
    const events = [1, 2, 3, 4].map((n) => asking(toyAsked, 'a', n, n));
    const [one, two, three, four] = events;
    if (one === undefined || two === undefined || three === undefined || four === undefined) throw new Error('four');
    await publish(durable.bus, 'control', [one, two, three]);
    await first.process.settled();
    await first.process.stop();
    await publish(durable.bus, 'control', [one]);
    await publish(durable.bus, 'control', [four]);
    const second = await run(durable);
    while ((await said(durable, toyDone)).length < 4) await tick();
    expect(await said(durable, toyDone)).toEqual([1, 2, 3, 4]);
    await second.process.stop();
    await durable.close();
  });

  test('goes on when the log could not be read for a while', async () => {
    const durable = await memoryDurable();
    const { process } = await run(durable, { failReads: { after: 1, times: 3 } });
    for (const n of [1, 2, 3]) {
      await publish(durable.bus, 'control', [asking(toyAsked, 'a', n, n)]);
      await tick();
    }
    while ((await said(durable, toyDone)).length < 3) await tick();
    await process.stop();
    await durable.close();
  });
});
