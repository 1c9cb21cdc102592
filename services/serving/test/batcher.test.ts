import { RelearnError, systemClock } from '@relearn/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Batcher } from '../src/inference/batcher.js';
import type { PredictionRecord } from '../src/inference/prediction-record.js';
import type { RunOrder } from '../src/inference/sessions.js';
import { doubled, HandThread, job, rowsOf, signature } from './hand-thread.js';
import { byteStrings, floatsOf } from './serve.js';

describe('batching', () => {
  it('takes what waits, at once, up to the most rows, and gives each its own rows', async () => {
    const thread = new HandThread();
    const first = thread.batcher.submit(job([1]));
    await systemClock.breathe();
    const rest = [
      [2, 3],
      [4, 5, 6],
      [7, 8, 9, 10],
    ].map((values) => thread.batcher.submit(job(values)));
    const all = Promise.all([first, ...rest]);
    await thread.endAll(all);
    expect(thread.orders.map(rowsOf)).toEqual([1, 5, 4]);
    const answers = await all;
    expect(answers.map(({ outputs }) => floatsOf(Buffer.from(outputs[0]?.bytes ?? [])))).toEqual([
      [2],
      [4, 6],
      [8, 10, 12],
      [14, 16, 18, 20],
    ]);
    expect(answers[2]?.outputs[1]).toEqual({ shape: [3, 1], bytes: byteStrings('xxxx', '', 'x') });
    expect(answers[2]?.timings.batchRows).toBe(5);
  });

  it('never mixes groups, and lets them take turns', async () => {
    const thread = new HandThread();
    const jobs = ['a', 'b', 'a', 'c', 'a'].map((group, index) => thread.batcher.submit(job([index], { group })));
    await thread.endAll(Promise.all(jobs));
    expect(thread.orders.map(rowsOf)).toEqual([3, 1, 1]);
  });

  it('runs a higher priority first, and lets lower ones of its group fill the run', async () => {
    const thread = new HandThread();
    const running = thread.batcher.submit(job([0]));
    while (thread.orders.length === 0) await systemClock.breathe();
    const waiting = [
      thread.batcher.submit(job([1], { group: 'low', priority: 3 })),
      thread.batcher.submit(job([2], { group: 'a', priority: 3 })),
      thread.batcher.submit(job([3], { group: 'b' })),
      thread.batcher.submit(job([4], { group: 'a', priority: 1 })),
    ];
    await thread.endAll(Promise.all([running, ...waiting]));
    expect(thread.orders.map(({ inputs }) => floatsOf(Buffer.concat(inputs[0]?.pieces ?? [])))).toEqual([
      [0],
      [4, 2],
      [3],
      [1],
    ]);
    expect(thread.batcher.depth).toBe(0);
  });

  it('lets nobody who has given up keep a place', async () => {
    const thread = new HandThread({ maxQueuedJobs: 2 });
    const running = thread.batcher.submit(job([0]));
    while (thread.orders.length === 0) await systemClock.breathe();
    const gone = new RelearnError('CANCELLED', 'gone');
    let over = false;
    const given = Promise.allSettled(
      [1, 2].map((value) => thread.batcher.submit(job([value], { unwanted: () => (over ? gone : undefined) }))),
    );
    await expect(thread.batcher.submit(job([3]))).rejects.toThrow('Exceeds maximum queue size');
    over = true;
    const kept = thread.batcher.submit(job([4]));
    expect(await given).toMatchObject([{ reason: gone }, { reason: gone }]);
    await thread.endAll(Promise.all([running, kept]));
    expect(thread.orders).toHaveLength(2);
  });

  it('runs a request above the most rows, and one that does not batch, alone', async () => {
    const thread = new HandThread();
    const target = { session: 2, signature, batchable: false };
    const jobs = [
      thread.batcher.submit(job(Array.from({ length: 20 }, (_, index) => index))),
      thread.batcher.submit(job([1])),
      thread.batcher.submit(job([1], { group: 'solo', target })),
      thread.batcher.submit(job([2], { group: 'solo', target })),
    ];
    await thread.endAll(Promise.all(jobs));
    expect(thread.orders.map(rowsOf)).toEqual([20, 1, 1, 1]);
  });

  it('bounds a run that begins with a request without rows and bytes', async () => {
    const thread = new HandThread();
    const { target } = job([]);
    for (let run = 0; run < 9; run++) await thread.endAll(thread.batcher.submit(job([0], { target })));
    const running = thread.batcher.submit(job([0], { target }));
    while (thread.orders.length < 10) await systemClock.breathe();
    const waiting = [[], ...Array.from({ length: 12 }, (_, at) => [at])];
    const answers = waiting.map((values) => thread.batcher.submit(job(values, { target })));
    await thread.endAll(Promise.all([running, ...answers]));
    expect(thread.orders.slice(10).map(rowsOf)).toEqual([8, 4]);
  });

  it('gives every request its own rows, whatever comes together', async () => {
    const requests = fc.array(fc.array(fc.integer({ min: 0, max: 99 }), { minLength: 1, maxLength: 5 }), {
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(requests, async (rows) => {
        const thread = new HandThread();
        const answers = Promise.all(rows.map((values) => thread.batcher.submit(job(values))));
        await thread.endAll(answers);
        expect((await answers).map(({ outputs }) => floatsOf(Buffer.from(outputs[0]?.bytes ?? [])))).toEqual(
          rows.map((values) => values.map((value) => 2 * value)),
        );
      }),
      { numRuns: 50 },
    );
  });
});

describe('the queue', () => {
  it('refuses what is beyond its bounds', async () => {
    const thread = new HandThread({ maxQueuedJobs: 2 });
    const running = thread.batcher.submit(job([0]));
    while (thread.orders.length === 0) await systemClock.breathe();
    const waiting = [thread.batcher.submit(job([1])), thread.batcher.submit(job([2]))];
    await expect(thread.batcher.submit(job([3]))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'Exceeds maximum queue size',
    });
    await thread.endAll(Promise.all([running, ...waiting]));
    await thread.endAll(thread.batcher.submit(job([4])));
    const heavy = new HandThread({ maxQueuedBytes: 10 });
    const fits = heavy.batcher.submit(job([1]));
    await expect(heavy.batcher.submit(job([1, 2, 3]))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await heavy.endAll(fits);
  });

  it('never runs what nobody wants any more', async () => {
    const thread = new HandThread();
    const running = thread.batcher.submit(job([0]));
    while (thread.orders.length === 0) await systemClock.breathe();
    const gone = new RelearnError('CANCELLED', 'gone');
    const cancelled = expect(thread.batcher.submit(job([1], { unwanted: () => gone }))).rejects.toBe(gone);
    const kept = thread.batcher.submit(job([2]));
    await thread.endAll(Promise.all([running, cancelled, kept]));
    expect(thread.orders.map(rowsOf)).toEqual([1, 1]);
  });

  it('keeps the time that a request may wait when it looks for those who have given up', async () => {
    const thread = new HandThread({ maxQueuedJobs: 1 });
    const running = thread.batcher.submit(job([1]));
    while (thread.orders.length === 0) await systemClock.breathe();
    const waiting = thread.batcher.submit(job([2], { queueTimeoutMs: 20 }));
    await expect(thread.batcher.submit(job([3]))).rejects.toThrow('Exceeds maximum queue size');
    await expect(waiting).rejects.toThrow('Request timeout expired');
    await thread.endAll(running);
  });

  it('answers a request whose time in the queue is over while the thread still runs', async () => {
    const thread = new HandThread();
    const running = thread.batcher.submit(job([0]));
    while (thread.orders.length === 0) await systemClock.breathe();
    await expect(thread.batcher.submit(job([1], { queueTimeoutMs: 5 }))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'Request timeout expired',
    });
    expect(thread.batcher.depth).toBe(0);
    await thread.endAll(running);
    expect(thread.orders).toHaveLength(1);
  });

  it('lets requests go before the background, and the background not starve', async () => {
    const thread = new HandThread();
    const slices = [1, 2].map((value) => thread.batcher.submitBackground(job([value, value])));
    const requests = [1, 2, 3, 4, 5].map((value) => thread.batcher.submit(job([value], { group: String(value) })));
    await thread.endAll(Promise.all([...slices, ...requests]));
    expect(thread.orders.map(rowsOf)).toEqual([1, 1, 1, 2, 1, 1, 2]);
  });
});

describe('a run that fails', () => {
  const poison = (order: RunOrder) =>
    floatsOf(Buffer.concat(order.inputs[0]?.pieces ?? [])).includes(13)
      ? new RelearnError('INTERNAL', 'unlucky')
      : undefined;

  it('is repeated for each member alone: the poison fails, its neighbours do not', async () => {
    const thread = new HandThread({}, poison);
    const outcomes = Promise.allSettled([1, 13, 2, 3].map((value) => thread.batcher.submit(job([value]))));
    await thread.endAll(outcomes);
    expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(thread.orders.map(rowsOf)).toEqual([4, 1, 1, 1, 1]);
  });

  it('is not repeated for a lone request, unless its thread died', async () => {
    const thread = new HandThread({}, poison);
    const lone = expect(thread.batcher.submit(job([13]))).rejects.toMatchObject({
      code: 'INTERNAL',
      message: 'inference failed: unlucky',
    });
    await thread.endAll(lone);
    expect(thread.orders).toHaveLength(1);
    let deaths = 0;
    const dying = new HandThread({}, () => (deaths++ === 0 ? new RelearnError('UNAVAILABLE', 'died') : undefined));
    const saved = dying.batcher.submit(job([1]));
    await dying.endAll(saved);
    expect(floatsOf(Buffer.from((await saved).outputs[0]?.bytes ?? []))).toEqual([2]);
  });

  it("is repeated alone when an output does not have the batch's rows", async () => {
    const thread = new HandThread();
    const short = thread.batcher.submit(job([1]));
    const batcher = new Batcher({
      clock: systemClock,
      isFree: () => true,
      takesNext: () => false,
      runsAtOnce: 1,
      maxBatchRows: 8,
      maxQueuedJobs: 9,
      maxQueuedBytes: 999,
      backgroundShare: 1,
      log: () => undefined,
      run: async (order) => {
        const { outputs } = doubled(order);
        return { outputs: outputs.map(({ bytes }) => ({ shape: [1, 1], bytes })), computeMs: 0 };
      },
    });
    await thread.endAll(short);
    const answers = await Promise.all([1, 2].map((value) => batcher.submit(job([value]))));
    expect(answers.map(({ timings }) => timings.batchRows)).toEqual([1, 1]);
  });
});

describe('the prediction log', () => {
  it("gets all records of a run at once, before any answer, and its refusal is everybody's answer", async () => {
    const written: (readonly PredictionRecord[])[] = [];
    let full = false;
    const thread = new HandThread({
      log: (records) => {
        if (full) throw new RelearnError('RESOURCE_EXHAUSTED', 'spool full');
        written.push(records);
      },
    });
    const record = (id: string) => ({ recordOf: () => ({ id }) as PredictionRecord });
    const answers = Promise.all(['a', 'b'].map((id) => thread.batcher.submit(job([1], record(id)))));
    await thread.endAll(answers);
    expect(written.map((records) => records.map(({ id }) => id))).toEqual([['a', 'b']]);
    full = true;
    const refused = Promise.allSettled(['c', 'd'].map((id) => thread.batcher.submit(job([1], record(id)))));
    await thread.endAll(refused);
    for (const outcome of await refused) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'RESOURCE_EXHAUSTED' } });
    }
  });
});
