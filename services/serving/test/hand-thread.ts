import { type RelearnError, systemClock } from '@relearn/kernel';
import { Batcher, type BatcherOptions, type Job } from '../src/inference/batcher.js';
import type { RunOrder, RunResult } from '../src/inference/sessions.js';
import { byteStrings, floatsOf, fp32 } from './serve.js';

/** A thread whose runs end when the test says so; a run doubles its floats and repeats its texts. */
export class HandThread {
  readonly orders: RunOrder[] = [];
  private readonly open: (() => void)[] = [];
  ended = 0;
  private busy = 0;
  batcher: Batcher;

  constructor(
    options: Partial<BatcherOptions> = {},
    fails: (order: RunOrder) => RelearnError | undefined = () => undefined,
  ) {
    this.batcher = new Batcher({
      clock: systemClock,
      isFree: () => this.busy === 0,
      takesNext: () => false,
      runsAtOnce: 1,
      maxBatchRows: 8,
      maxQueuedJobs: 100,
      maxQueuedBytes: 10_000,
      backgroundShare: 3,
      log: () => undefined,
      run: async (order) => {
        this.busy += 1;
        this.orders.push(order);
        await new Promise<void>((resolve) => this.open.push(resolve));
        this.busy -= 1;
        this.ended += 1;
        const failure = fails(order);
        if (failure !== undefined) throw failure;
        return doubled(order);
      },
      ...options,
    });
  }

  /** Ends the run under way once there is one. */
  async end(): Promise<void> {
    while (this.open.length === 0) await systemClock.breathe();
    this.open.shift()?.();
    await systemClock.breathe();
  }

  async endAll(answers: Promise<unknown>): Promise<void> {
    let over = false;
    void answers.finally(() => {
      over = true;
    });
    while (!over) {
      this.open.shift()?.();
      await systemClock.breathe();
    }
  }
}

export function doubled({ inputs }: RunOrder): RunResult {
  const [numbers, texts] = inputs.map(({ pieces }) => Buffer.concat(pieces));
  const rows = inputs[0]?.shape[0] ?? 0;
  const outputs = [
    { shape: [rows, 1], bytes: fp32(...floatsOf(numbers).map((value) => 2 * value)) },
    { shape: [rows, 1], bytes: texts ?? Buffer.alloc(0) },
  ];
  return { outputs, computeMs: 1 };
}

export const signature = {
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [-1, 1] },
    { name: 't', datatype: 'BYTES', shape: [-1, 1] },
  ],
  outputs: [
    { name: 'y', datatype: 'FP32', shape: [-1, 1] },
    { name: 'u', datatype: 'BYTES', shape: [-1, 1] },
  ],
} as const;

export function job(values: readonly number[], more: Partial<Job> = {}): Job {
  const raw = fp32(...values);
  const texts = byteStrings(...values.map((value) => 'x'.repeat(value % 5)));
  return {
    target: { session: 1, signature, batchable: true },
    group: 'g',
    rows: values.length,
    inputs: [
      { shape: [values.length, 1], bytes: raw },
      { shape: [values.length, 1], bytes: texts },
    ],
    outputs: [0, 1],
    bytes: raw.length,
    unwanted: () => undefined,
    ...more,
  };
}

export const rowsOf = ({ inputs }: RunOrder) => inputs[0]?.shape[0];
