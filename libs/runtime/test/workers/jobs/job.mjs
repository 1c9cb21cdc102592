// Jobs of the tests, chosen by the input. Plain JavaScript, as worker threads load it.
import { getPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { threadId } from 'node:worker_threads';
import { RelearnError } from '@relearn/kernel';

const kept = new Float64Array([1, 2, 3]);

const jobs = {
  double: ({ values }) => values.map((value) => value * 2),
  thread: () => threadId,
  priority: () => getPriority(),
  async steps({ steps }, { progress }) {
    for (let step = 1; step <= steps; step++) progress({ step });
    return 'done';
  },
  refuse: () => {
    throw new RelearnError('INVALID_INPUT', 'no label column', {
      place: { file: 'pipeline.yaml', line: 3 },
      remedy: 'Name one.',
    });
  },
  defect: () => undefined.nothing,
  unclonable: () => () => 1,
  die: () => process.exit(3),
  kill: () => {
    setImmediate(() => {
      throw new Error('out of the blue');
    });
    return sleep(60_000);
  },
  keep: () => kept,
  kept: () => kept.length,
  part: () => new Uint8Array(new ArrayBuffer(64), 8, 4).fill(7),
  /** Marks the shared flag when it starts; runs until it is cancelled and then marks that. */
  async endless({ marks }, { cancelled }) {
    const flags = new Int32Array(marks);
    Atomics.add(flags, 0, 1);
    while (!cancelled()) await sleep(1);
    Atomics.add(flags, 1, 1);
    return 'after all';
  },
};

export async function run(input, context) {
  return jobs[input.job](input, context);
}
