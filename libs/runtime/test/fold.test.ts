import { deadLettered, positionOf } from '@relearn/contracts';
import { systemClock } from '@relearn/kernel';
import { foldPart, OwnedCheckpoint, readCheckpoint } from '@relearn/runtime';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tick } from './world/deciding.js';
import { adapters, type Durable, memoryDurable } from './world/durable.js';
import { publish, readOnce, recordOf } from './world/log.js';
import { type Crash, hurried, TestProcess, type ProcessOptions } from './world/process.js';
import {
  noteEvery,
  poisonError,
  rowsEvent,
  toyFold,
  type ToyFoldOptions,
  toyNoted,
  toySums,
} from './world/toy-fold.js';

const topics = ['data.valid', 'predictions'] as const;
const points = ['before-publish', 'after-publish', 'before-checkpoint', 'after-checkpoint'];

/** An upstream that published rows in batches, crashed some times, and went on from an earlier row with other batches. */
interface Upstream {
  readonly pipeline: string;
  readonly topic: (typeof topics)[number];
  readonly rows: number;
  readonly sizes: readonly number[];
  /** How many rows back each attempt begins again. */
  readonly back: readonly number[];
}

function eventsOf({ pipeline, topic, rows, sizes, back }: Upstream) {
  const events = [];
  let next = 0;
  let previous: number | null = null;
  let attempt = 0;
  for (let batch = 0; next < rows; batch++) {
    const to = Math.min(rows, next + (sizes[batch % sizes.length] ?? 1));
    events.push(rowsEvent(topic, pipeline, next, to, previous));
    [previous, next] = [to, to];
    if (batch % 4 === 3 && attempt < back.length) {
      next = Math.max(0, next - (back[attempt] ?? 0));
      previous = next === 0 ? null : next;
      attempt += 1;
    }
  }
  return events;
}

/** What must come out, however the rows came in: each row once, in order, with its sum; a note each so many rows. */
function expected(upstreams: readonly Upstream[]) {
  return upstreams.map(({ pipeline, topic, rows }) => {
    const numbers = Array.from({ length: rows }, (_, index) => index + 1);
    const sums = numbers.map((number) => (number * (number + 1)) / 2);
    const notes = numbers.filter((number) => number % noteEvery === 0);
    return {
      source: `toy/${pipeline}/0/${topic}`,
      values: numbers,
      sums,
      notes: notes.map((count) => ({ count, sum: sums[count - 1] })),
    };
  });
}

async function found({ bus, blobs }: Durable, upstreams: readonly Upstream[]) {
  const sums = await readOnce(bus, 'features');
  const notes = await readOnce(bus, 'monitoring');
  const results = [];
  for (const { pipeline, topic } of upstreams) {
    const source = `toy/${pipeline}/0/${topic}`;
    const own = sums.filter(({ event }) => event.source === `${source}/features`);
    const rows = own.flatMap(({ event, fromRow }) => {
      const { data } = toySums.read(event);
      return data.values.slice(fromRow).map((value, index) => [value, data.sums[fromRow + index] ?? 0] as const);
    });
    const noted = notes
      .filter(({ event }) => event.source === `${source}/notes`)
      .map(({ event }) => toyNoted.read(event).data);
    for (const { blob } of noted) await blobs.get(blob);
    results.push({
      source,
      values: rows.map(([value]) => value),
      sums: rows.map(([, sum]) => sum),
      notes: noted.map(({ count, sum }) => ({ count, sum })),
    });
  }
  return results;
}

async function run(durable: Durable, options: ProcessOptions = {}, fold: ToyFoldOptions = {}): Promise<TestProcess> {
  const process = new TestProcess(durable, options);
  await process.start([foldPart(process.ports, toyFold(fold))]);
  return process;
}

/** Publishes in slices, lets each process work until it dies or has done all, and the last one until all is done. */
async function throughCrashes(
  durable: Durable,
  upstreams: readonly Upstream[],
  crashes: readonly Crash[],
): Promise<void> {
  const logs = upstreams.map((upstream) => ({ topic: upstream.topic, events: eventsOf(upstream) }));
  const share = (log: (typeof logs)[number], part: number) =>
    log.events.slice(
      Math.floor((log.events.length * part) / (crashes.length + 1)),
      Math.floor((log.events.length * (part + 1)) / (crashes.length + 1)),
    );
  for (let attempt = 0; attempt <= crashes.length; attempt++) {
    const crash = crashes[attempt];
    const process = await run(durable, crash === undefined ? {} : { crash: { ...crash, point: `toy:${crash.point}` } });
    for (const log of logs) await publish(durable.bus, log.topic, share(log, attempt));
    await process.settled();
    if (!process.isDead) await process.stop();
  }
}

const upstream = (pipeline: string, topic: (typeof topics)[number]) =>
  fc.record({
    pipeline: fc.constant(pipeline),
    topic: fc.constant(topic),
    rows: fc.integer({ min: 20, max: 150 }),
    sizes: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6 }),
    back: fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 4 }),
  });
const crash = fc.record({
  point: fc.constantFrom(...points),
  hit: fc.integer({ min: 1, max: 4 }),
  by: fc.constantFrom<Crash['by']>('kill', 'throw'),
});

describe.each(adapters)('a fold on %s', (name, open) => {
  test('through crashes and other batches makes each row once, two pipelines and two topics beside each other', async () => {
    const upstreams = fc.tuple(upstream('a', 'data.valid'), upstream('b', 'data.valid'), upstream('a', 'predictions'));
    await fc.assert(
      fc.asyncProperty(upstreams, fc.array(crash, { minLength: 1, maxLength: 4 }), async (given, crashes) => {
        const durable = await open();
        try {
          await throughCrashes(durable, given, crashes);
          expect(await found(durable, given)).toEqual(expected(given));
        } finally {
          await durable.close();
        }
      }),
      { numRuns: name === 'memory' ? 40 : 10 },
    );
  });

  test.each(points.flatMap((point) => (['kill', 'throw'] as const).map((by) => [point, by] as const)))(
    'at %s (%s) makes the same as without a crash',
    async (point, by) => {
      const durable = await open();
      const given: Upstream[] = [
        { pipeline: 'a', topic: 'data.valid', rows: 60, sizes: [3], back: [5] },
        { pipeline: 'a', topic: 'predictions', rows: 30, sizes: [2], back: [] },
      ];
      await throughCrashes(durable, given, [
        { point, hit: 1, by },
        { point, hit: 2, by },
      ]);
      expect(await found(durable, given)).toEqual(expected(given));
      await durable.close();
    },
  );
});

describe('a fold', () => {
  test('resumes where its checkpoint stands, not where the group had committed', async () => {
    const durable = await memoryDurable();
    await publish(
      durable.bus,
      'data.valid',
      eventsOf({ pipeline: 'a', topic: 'data.valid', rows: 10, sizes: [2], back: [] }),
    );
    const first = await run(durable);
    await first.settled();
    await first.stop();
    const checkpoint = await readCheckpoint(durable.store, 'toy', 0);
    expect(checkpoint).toMatchObject({
      epoch: 1,
      positions: { 'data.valid': 5 },
      counts: { 'a-data.valid': { rows: 10 } },
    });
    const applied: number[] = [];
    const second = await run(durable, {}, { onRow: (value) => applied.push(value) });
    await publish(durable.bus, 'data.valid', [rowsEvent('data.valid', 'a', 8, 12, 8)]);
    await second.settled();
    await second.stop();
    expect(applied).toEqual([11, 12]);
    expect((await readCheckpoint(durable.store, 'toy', 0))?.epoch).toBe(2);
    await durable.close();
  });

  test('given records that an owner published and no checkpoint covers, when another takes the shard, then nothing changes before them', async () => {
    const durable = await memoryDurable();
    const first = await run(durable, { crash: { point: 'toy:after-publish', hit: 1, by: 'kill' } });
    await publish(durable.bus, 'data.valid', [rowsEvent('data.valid', 'a', 0, 3, null)]);
    await first.settled();
    expect(first.isDead).toBe(true);
    const prepared: number[] = [];
    const second = await run(durable, {}, { onPrepare: (next) => prepared.push(positionOf(next)) });
    await second.settled();
    await publish(durable.bus, 'data.valid', [rowsEvent('data.valid', 'a', 3, 5, 3)]);
    await second.settled();
    await second.stop();
    expect(prepared).toEqual([1]);
    await durable.close();
  });

  test('stops at a gap, with what came before it published, and puts nothing aside', async () => {
    const durable = await memoryDurable();
    const process = await run(durable);
    await publish(durable.bus, 'data.valid', [
      rowsEvent('data.valid', 'a', 0, 3, null),
      rowsEvent('data.valid', 'a', 6, 9, 6),
    ]);
    await new Promise((resolve) => setTimeout(resolve, 60));
    const sums = (await readOnce(durable.bus, 'features')).flatMap(({ event }) => toySums.read(event).data.values);
    expect(sums).toEqual([1, 2, 3]);
    expect(await readOnce(durable.bus, 'dead-letters')).toEqual([]);
    await process.stop();
    await durable.close();
  });

  test.each([
    [0, 'removes the parts of the checkpoint before'],
    [10_000, 'leaves blobs alone that may be another one’s by now'],
  ])('after a stop of %s ms an owner %s', async (stoppedMs) => {
    const durable = await memoryDurable();
    const given: Upstream = { pipeline: 'a', topic: 'data.valid', rows: 30, sizes: [3], back: [] };
    let ahead = 0;
    const removed: string[] = [];
    const stopping: Durable = {
      ...durable,
      store: {
        ...durable.store,
        replace: async (...write) => {
          const document = await durable.store.replace(...write);
          ahead += stoppedMs;
          return document;
        },
      },
      blobs: { ...durable.blobs, remove: async (digest) => void removed.push(digest) },
    };
    const process = await run(stopping, { clock: { ...hurried, now: () => systemClock.now() + ahead } });
    const stored = async () => (await readCheckpoint(durable.store, 'toy', 0))?.positions['data.valid'] ?? 0;
    for (const [n, event] of eventsOf(given).entries()) {
      await publish(durable.bus, 'data.valid', [event]);
      while (n < 3 && (await stored()) <= n) await tick();
    }
    await process.settled();
    await process.stop();
    expect(removed.length > 0).toBe(stoppedMs === 0);
    expect(await found(durable, [given])).toEqual(expected([given]));
    await durable.close();
  });

  test('goes on when the log could not be read for a while', async () => {
    const durable = await memoryDurable();
    const given: Upstream = { pipeline: 'a', topic: 'data.valid', rows: 30, sizes: [2], back: [] };
    const process = await run(durable, { failReads: { after: 3, times: 3 } });
    for (const event of eventsOf(given)) {
      await publish(durable.bus, 'data.valid', [event]);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await process.settled();
    expect(await found(durable, [given])).toEqual(expected([given]));
    await process.stop();
    await durable.close();
  });

  test('two owners that both believe to have the shard do no harm, whoever writes the checkpoint', async () => {
    const durable = await memoryDurable();
    const given: Upstream = { pipeline: 'a', topic: 'data.valid', rows: 90, sizes: [2, 3], back: [4, 9] };
    const events = eventsOf(given);
    const old = await run(durable, { instance: 'old', ownGroup: true });
    await publish(durable.bus, 'data.valid', events.slice(0, 10));
    await old.settled();
    const taker = await run(durable, { instance: 'new', ownGroup: true });
    await publish(durable.bus, 'data.valid', events.slice(10));
    await taker.settled();
    await taker.stop();
    await old.stop();
    const checkpoint = await readCheckpoint(durable.store, 'toy', 0);
    expect(checkpoint).toMatchObject({ positions: { 'data.valid': events.length } });
    expect(await found(durable, [given])).toEqual(expected([given]));
    await durable.close();
  });

  test('an owner whose checkpoint a zombie has taken takes it again, for the bus leaves it the shard', async () => {
    const durable = await memoryDurable();
    const given: Upstream = { pipeline: 'a', topic: 'data.valid', rows: 40, sizes: [2], back: [] };
    const events = eventsOf(given);
    const owner = await run(durable);
    await publish(durable.bus, 'data.valid', events.slice(0, 10));
    await owner.settled();
    await OwnedCheckpoint.take(durable.store, 'toy', 0);
    await publish(durable.bus, 'data.valid', events.slice(10));
    while ((await readCheckpoint(durable.store, 'toy', 0))?.positions['data.valid'] !== events.length) await tick();
    await owner.stop();
    const checkpoint = await readCheckpoint(durable.store, 'toy', 0);
    expect(checkpoint).toMatchObject({ epoch: 3, positions: { 'data.valid': events.length } });
    expect(await found(durable, [given])).toEqual(expected([given]));
    await durable.close();
  });
});

describe('a poison event', () => {
  async function withPoison(poison: 'invalid' | 'broken' | 'defect') {
    const durable = await memoryDurable();
    const before = rowsEvent('data.valid', 'a', 0, 5, null);
    const bad = {
      ...rowsEvent('data.valid', 'a', 5, 8, 5),
      data: poison === 'broken' ? {} : { at: [6, 7, 8], values: [6, 7, 8], poison },
    };
    const after = rowsEvent('data.valid', 'a', 8, 12, 8);
    const record = recordOf('data.valid', bad);
    const original = {
      ...record,
      headers: { ...record.headers, ce_records: '3' },
      value: poison === 'broken' ? Buffer.from('{"at":') : record.value,
    };
    const process = await run(
      durable,
      {},
      {
        onPoison: (what) => {
          throw poisonError(what);
        },
      },
    );
    await durable.bus.publish([recordOf('data.valid', before), original, recordOf('data.valid', after)]);
    await process.settled();
    await process.stop();
    const letters = (await readOnce(durable.bus, 'dead-letters')).map(({ event }) => deadLettered.read(event).data);
    const sums = (await readOnce(durable.bus, 'features')).flatMap(({ event }) => toySums.read(event).data);
    const checkpoint = await readCheckpoint(durable.store, 'toy', 0);
    await durable.close();
    return {
      original,
      letters,
      values: sums.flatMap((data) => data.values),
      last: sums.at(-1)?.sums.at(-1),
      checkpoint,
    };
  }

  test.each(['invalid', 'broken', 'defect'] as const)(
    '(%s) goes to the dead letters with its bytes; the stream goes on without its rows',
    async (poison) => {
      const { original, letters, values, last, checkpoint } = await withPoison(poison);
      expect(letters).toHaveLength(1);
      expect(letters[0]).toMatchObject({
        consumer: 'toy',
        topic: 'data.valid',
        position: 1,
        records: 3,
        headers: original.headers,
      });
      expect(Buffer.from(letters[0]?.value ?? '', 'base64')).toEqual(Buffer.from(original.value));
      expect(values).toEqual([1, 2, 3, 4, 5, 9, 10, 11, 12]);
      expect(last).toBe(57);
      expect(checkpoint).toMatchObject({ deadLettered: 3, positions: { 'data.valid': 3 } });
    },
  );

  test('as large as the bus takes is put aside whole', async () => {
    const durable = await memoryDurable();
    const value = Buffer.alloc(500_000, 'x');
    const process = await run(durable);
    await durable.bus.publish([{ ...recordOf('data.valid', rowsEvent('data.valid', 'a', 0, 1, null)), value }]);
    await publish(durable.bus, 'data.valid', [rowsEvent('data.valid', 'a', 1, 2, 1)]);
    await process.settled();
    await process.stop();
    const [letter] = (await readOnce(durable.bus, 'dead-letters')).map(({ event }) => deadLettered.read(event).data);
    const { blob = '', value: inline = '' } = letter ?? {};
    expect(inline).toBe('');
    expect(Buffer.from(await durable.blobs.get(blob)).equals(value)).toBe(true);
    expect((await readOnce(durable.bus, 'features')).map(({ event }) => positionOf(event.sequence))).toEqual([1]);
    await durable.close();
  });
});
