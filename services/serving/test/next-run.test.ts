import { RelearnError, systemClock } from '@relearn/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunOrder } from '../src/inference/sessions.js';
import { WorkerPool } from '../src/inference/worker/pool.js';
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
    return { session: 1, inputs: [input, input], outputs: [0] };
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
