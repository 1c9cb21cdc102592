import { constants, getPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { Clock, Workers } from '@relearn/kernel';
import { systemClock } from '@relearn/kernel';
import { createWorkers, distModule, type WorkersOptions } from '@relearn/runtime/workers';

const module = new URL('./jobs/job.mjs', import.meta.url).href;
const opened: Workers[] = [];

function pool(options: Partial<WorkersOptions> = {}): Workers {
  const workers = createWorkers({ size: 1, ...options });
  opened.push(workers);
  return workers;
}

function order(job: string, more: object = {}) {
  return { module, input: { job, ...more } };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(1);
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((workers) => workers.stop()));
});

describe('a job', () => {
  test('gets its input and gives its result by structured clone', async () => {
    const values = new Float64Array([1.5, Number.NaN]);
    const result = await pool().run(order('double', { values }));
    expect(result).toEqual(new Float64Array([3, Number.NaN]));
    expect(values.length).toBe(2);
  });

  test.runIf(process.platform === 'linux')('yields to the threads that answer requests', async () => {
    const mine = getPriority();
    expect(await pool().run(order('priority'))).toBe(Math.max(mine, constants.priority.PRIORITY_BELOW_NORMAL));
    expect(getPriority()).toBe(mine);
  });

  test('tells its progress in order', async () => {
    const seen: unknown[] = [];
    await pool().run({ ...order('steps', { steps: 3 }), onProgress: (progress) => seen.push(progress) });
    expect(seen).toEqual([{ step: 1 }, { step: 2 }, { step: 3 }]);
  });

  test('whose caller fails to take its progress rejects with that error', async () => {
    const onProgress = () => {
      throw new TypeError('no such column');
    };
    const job = pool().run({ ...order('steps', { steps: 2 }), onProgress });
    await expect(job).rejects.toMatchObject({ code: 'INTERNAL', message: 'no such column' });
  });

  test('given whole buffers in its result, then they are moved; a part of one is copied', async () => {
    const workers = pool();
    expect(await workers.run(order('keep'))).toEqual(new Float64Array([1, 2, 3]));
    expect(await workers.run(order('kept'))).toBe(0);
    expect(await workers.run(order('part'))).toEqual(new Uint8Array([7, 7, 7, 7]));
  });

  test('that throws an error of ours rejects with the same code, place and remedy', async () => {
    await expect(pool().run(order('refuse'))).rejects.toMatchObject({
      name: 'RelearnError',
      code: 'INVALID_INPUT',
      message: 'no label column',
      place: { file: 'pipeline.yaml', line: 3 },
      remedy: 'Name one.',
    });
  });

  test('that has a defect rejects with INTERNAL and the stack of the thread', async () => {
    const error: unknown = await pool()
      .run(order('defect'))
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'INTERNAL', cause: { stack: expect.stringContaining('job.mjs') } });
  });

  test.each([
    ['a result that cannot be cloned', order('unclonable')],
    ['an input that cannot be cloned', { module, input: () => 1 }],
    ['a module that is not there', { module: new URL('./none.mjs', import.meta.url).href, input: {} }],
    ['a module without run', { module: 'node:path', input: {} }],
  ])('with %s rejects with INTERNAL and the thread goes on', async (_case, bad) => {
    const workers = pool();
    await expect(workers.run(bad)).rejects.toMatchObject({ code: 'INTERNAL' });
    await expect(workers.run(order('steps', { steps: 0 }))).resolves.toBe('done');
  });

  test.each(['die', 'kill'])(
    'whose thread dies (%s) rejects with a retryable error; the next gets a new thread',
    async (job) => {
      const workers = pool();
      await expect(workers.run(order(job))).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
      await expect(workers.run(order('steps', { steps: 0 }))).resolves.toBe('done');
    },
  );
});

describe('giving up', () => {
  test('a running job rejects at once, its thread is told and takes the next job', async () => {
    const workers = pool();
    const marks = new SharedArrayBuffer(8);
    const flags = new Int32Array(marks);
    const abort = new AbortController();
    const running = workers.run({ ...order('endless', { marks }), signal: abort.signal });
    await until(() => Atomics.load(flags, 0) === 1);

    abort.abort();

    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(workers.run(order('steps', { steps: 0 }))).resolves.toBe('done');
    expect(Atomics.load(flags, 1)).toBe(1);
  });

  test('a waiting job never starts; one given up beforehand is refused', async () => {
    const workers = pool();
    const marks = new SharedArrayBuffer(8);
    const [first, second] = [new AbortController(), new AbortController()];
    const running = workers.run({ ...order('endless', { marks }), signal: first.signal });
    const waiting = workers.run({ ...order('endless', { marks }), signal: second.signal });

    second.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
    first.abort();
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' });
    await workers.run(order('steps', { steps: 0 }));

    expect(Atomics.load(new Int32Array(marks), 0)).toBeLessThanOrEqual(1);
    await expect(workers.run({ ...order('thread'), signal: first.signal })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
  });

  test('stop rejects what runs and waits with a retryable error and waits for the threads to end', async () => {
    const workers = pool();
    const marks = new SharedArrayBuffer(8);
    const flags = new Int32Array(marks);
    const jobs = [workers.run(order('endless', { marks })), workers.run(order('thread'))];
    const outcomes = Promise.allSettled(jobs);
    await until(() => Atomics.load(flags, 0) === 1);

    await workers.stop();

    expect(Atomics.load(flags, 1)).toBe(1);
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { code: 'UNAVAILABLE' } });
    await expect(workers.run(order('thread'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('threads', () => {
  test('are as many as the size at most, run beside each other and are used again', async () => {
    const workers = pool({ size: 2 });
    const marks = new SharedArrayBuffer(8);
    const abort = new AbortController();
    const busy = workers.run({ ...order('endless', { marks }), signal: abort.signal });
    const ids = await Promise.all([1, 2, 3].map(() => workers.run(order('thread'))));
    abort.abort();
    await expect(busy).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(new Set(ids).size).toBe(1);
  });

  test('end when they have had no work for the idle time', async () => {
    const due: (() => void)[] = [];
    const clock: Clock = {
      ...systemClock,
      after: (ms, callback) => {
        expect(ms).toBe(30_000);
        due.push(callback);
        return { cancel: () => due.splice(due.indexOf(callback), 1) };
      },
    };
    const workers = pool({ clock });
    const first = await workers.run(order('thread'));
    expect(await workers.run(order('thread'))).toBe(first);
    expect(due).toHaveLength(1);

    due[0]?.();

    expect(await workers.run(order('thread'))).not.toBe(first);
  });

  test('beyond the bound of waiting jobs, run is refused', async () => {
    const workers = pool({ waiting: 1 });
    const marks = new SharedArrayBuffer(8);
    const outcomes = Promise.allSettled([1, 2, 3].map(() => workers.run(order('endless', { marks }))));
    await until(() => Atomics.load(new Int32Array(marks), 0) === 1);
    await workers.stop();
    expect((await outcomes)[2]).toMatchObject({ reason: { code: 'RESOURCE_EXHAUSTED' } });
  });

  test('none can be had of a pool of size zero', () => {
    expect(() => createWorkers({ size: 0 })).toThrow(/0 threads/);
  });
});

describe('distModule', () => {
  test.each([
    ['file:///a/src/training/libs/x/src/jobs/run.ts', './job.js', 'file:///a/src/training/libs/x/dist/jobs/job.js'],
    ['file:///a/libs/x/dist/jobs/run.js', './job.js', 'file:///a/libs/x/dist/jobs/job.js'],
  ])('of %s is compiled code', (from, relative, expected) => {
    expect(distModule(from, relative)).toBe(expected);
  });
});
