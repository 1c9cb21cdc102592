import { RelearnError, systemClock } from '@relearn/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BatcherOptions, Job } from '../src/inference/batcher.js';
import type { RunOrder } from '../src/inference/sessions.js';
import { WorkerPool } from '../src/inference/worker/pool.js';
import { doubled, HandThread, job, rowsOf, signature } from './hand-thread.js';
import { linearModel } from './models.js';
import { floatsOf, fp32 } from './serve.js';

const codeOf = (thrown: unknown) => RelearnError.from(thrown).code;

describe("a thread's next run", () => {
  let pool: WorkerPool;

  beforeEach(async () => {
    pool = new WorkerPool({
      clock: systemClock,
      plan: { runs: 1, workers: 2, inlineMs: 0 },
      onFree: () => undefined,
      onLost: () => undefined,
      onTrouble: () => undefined,
    });
    pool.start();
    const { onnx, digest } = linearModel();
    await pool.load(1, onnx, digest);
  });

  afterEach(() => pool.stop());

  const order = (value: number): RunOrder => {
    const input = { shape: [1, 1], pieces: [fp32(value)] };
    return { session: 1, inputs: [input, input], rows: 1, outputs: [0], digested: [] };
  };
  const run = async (value: number) => floatsOf(Buffer.from((await pool.run(order(value))).outputs[0]?.bytes ?? []));

  it('is one, and waits for the run before it', async () => {
    expect([pool.free, pool.takesNext]).toEqual([true, false]);
    const first = run(1);
    expect([pool.free, pool.takesNext]).toEqual([false, true]);
    const second = pool.run(order(2));
    expect([pool.free, pool.takesNext]).toEqual([false, false]);
    await expect(run(3)).rejects.toSatisfy((thrown) => codeOf(thrown) === 'INTERNAL');
    expect(await first).toEqual([5]);
    expect([pool.free, pool.takesNext]).toEqual([false, true]);
    const { outputs, waitedMs } = await second;
    expect(floatsOf(Buffer.from(outputs[0]?.bytes ?? []))).toEqual([10]);
    expect(waitedMs).toBeGreaterThan(0);
    expect([pool.free, pool.takesNext]).toEqual([true, false]);
  });

  it('ends before its session is freed', async () => {
    const runs = [run(1), run(2)];
    const released = pool.release(1).then(() => 'freed');
    expect(await Promise.race([Promise.all(runs), released])).toEqual([[5], [10]]);
    expect(await released).toBe('freed');
  });

  it('is not given to a thread that is wanted for a load', async () => {
    const first = run(1);
    const { onnx, digest } = linearModel(1);
    const loaded = pool.load(2, onnx, digest);
    while (pool.takesNext) await systemClock.breathe();
    expect(await first).toEqual([5]);
    await loaded;
    expect(await run(2)).toEqual([10]);
  });
});

describe('batching for a thread that takes its next run while it is busy', () => {
  /** One run at work and one behind it. */
  function eager(options: Partial<BatcherOptions> = {}) {
    const thread: HandThread = new HandThread({
      takesNext: () => thread.orders.length - thread.ended === 1,
      ...options,
    });
    return thread;
  }

  const whole = [1, 2, 3, 4, 5, 6, 7, 8];

  /** One that has seen whole runs of the target, each of which took so long. */
  async function seasoned(target: Job['target'], ms = 0, options: Partial<BatcherOptions> = {}) {
    let now = 0;
    const thread = eager({ clock: { ...systemClock, now: () => now }, ...options });
    for (let run = 0; run < 8; run++) {
      const answer = thread.batcher.submit(job(target.batchable ? whole : [1], { target }));
      await systemClock.breathe();
      now += ms;
      await thread.endAll(answer);
    }
    thread.orders.splice(0);
    thread.ended = 0;
    return thread;
  }

  it('gives it what fills a run, and keeps what may still grow', async () => {
    const target = { session: 1, signature, batchable: true };
    const thread = await seasoned(target);
    const answers = [[1], [2, 3, 4, 5], [6, 7, 8], [9, 10, 11], [12]].map((values) => {
      const answer = thread.batcher.submit(job(values, { target }));
      return { values, answer };
    });
    const [first] = answers;
    await systemClock.breathe();
    // All came in one turn: the first run is filled up to eight rows, four are left, which are no whole run.
    expect(thread.orders.map(rowsOf)).toEqual([8]);
    const late = thread.batcher.submit(job([13, 14, 15, 16], { target }));
    await systemClock.breathe();
    expect(thread.orders.map(rowsOf)).toEqual([8, 8]);
    const all = Promise.all([...answers.map(({ answer }) => answer), late]);
    await thread.endAll(all);
    expect(thread.orders.map(rowsOf)).toEqual([8, 8]);
    expect(floatsOf(Buffer.from((await first?.answer)?.outputs[0]?.bytes ?? []))).toEqual([2]);
  });

  it('gives it one request at a time where a model takes no more', async () => {
    const target = { session: 1, signature, batchable: false };
    const thread = await seasoned(target);
    const all = Promise.all([1, 2, 3].map((value) => thread.batcher.submit(job([value], { target }))));
    await systemClock.breathe();
    expect(thread.orders.map(rowsOf)).toEqual([1, 1]);
    await thread.endAll(all);
    expect(thread.orders.map(rowsOf)).toEqual([1, 1, 1]);
  });

  it('does not let the background starve behind whole runs', async () => {
    const target = { session: 1, signature, batchable: true };
    const thread = await seasoned(target, 0, { backgroundShare: 2 });
    const requests = [0, 1, 2, 3].map(() => thread.batcher.submit(job(whole, { target })));
    const slices = [1, 2].map((value) => thread.batcher.submitBackground(job([value])));
    await thread.endAll(Promise.all([...requests, ...slices]));
    // Runs before these were requests' alone: the first slice is due.
    expect(thread.orders.map(rowsOf)).toEqual([1, 8, 8, 1, 8, 8]);
  });

  it('keeps runs that take long, so that others need not wait for two of them', async () => {
    const target = { session: 1, signature, batchable: true };
    for (const [ms, given] of [
      [20, 2],
      [21, 1],
    ] as const) {
      const thread = await seasoned(target, ms);
      const all = Promise.all([1, 2].map(() => thread.batcher.submit(job(whole, { target }))));
      await systemClock.breathe();
      expect(thread.orders).toHaveLength(given);
      await thread.endAll(all);
    }
  });

  it('lays no more than a MiB together for runs that are short, and as much as there is for others', async () => {
    const target = { session: 1, signature, batchable: true };
    const bytes = 400_000;
    for (const [ms, given] of [
      [2, [2, 2]],
      [2.1, [4]],
    ] as const) {
      let now = 0;
      const thread = new HandThread({ clock: { ...systemClock, now: () => now }, maxQueuedBytes: 10 * bytes });
      for (let run = 0; run < 8; run++) {
        const answer = thread.batcher.submit(job([1], { target }));
        await systemClock.breathe();
        now += ms;
        await thread.endAll(answer);
      }
      thread.orders.splice(0);
      const all = Promise.all([1, 2, 3, 4].map((value) => thread.batcher.submit(job([value], { target, bytes }))));
      await thread.endAll(all);
      expect(thread.orders.map(rowsOf)).toEqual(given);
    }
  });

  it('counts as its queue the time that a run waits behind another', async () => {
    const thread = eager({
      run: async (order) => {
        await systemClock.breathe();
        return { ...doubled(order), waitedMs: 1_000 };
      },
    });
    const { timings } = await thread.batcher.submit(job([1]));
    expect(timings.queueMs).toBeGreaterThanOrEqual(1_000);
  });
});
