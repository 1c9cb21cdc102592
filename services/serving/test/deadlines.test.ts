import { type Clock, RelearnError, systemClock } from '@relearn/kernel';
import { describe, expect, it } from 'vitest';
import { Batcher, type BatcherOptions, type Job } from '../src/inference/batcher.js';
import { RefusedLate } from '../src/inference/refusals.js';
import type { RunOrder, RunResult } from '../src/inference/sessions.js';
import { fp32 } from './serve.js';

const signature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 1] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }],
} as const;

const target = { session: 1, signature, batchable: true };
const rowsOf = ({ inputs }: RunOrder) => inputs[0]?.shape[0] ?? 0;

/** One thread in a time of its own: a run takes what its rows take, and time goes on when a run ends. */
class Station {
  now = 0;
  readonly runs: number[] = [];
  readonly batcher: Batcher;
  private readonly costOf: (rows: number) => number;
  private end: (() => void) | undefined;
  private endsAt = Number.POSITIVE_INFINITY;

  constructor(costOf: (rows: number) => number, options: Partial<BatcherOptions> = {}) {
    this.costOf = costOf;
    const clock: Clock = { ...systemClock, now: () => this.now };
    this.batcher = new Batcher({
      clock,
      run: (order) => this.run(order),
      isFree: () => this.end === undefined,
      takesNext: () => false,
      runsAtOnce: 1,
      maxBatchRows: 16,
      maxQueuedJobs: 1_024,
      maxQueuedBytes: 1 << 20,
      backgroundShare: 8,
      log: () => undefined,
      ...options,
    });
  }

  request(withinMs: number, more: Partial<Job> = {}): Promise<string> {
    const deadline = this.now + withinMs;
    const late = new RelearnError('DEADLINE_EXCEEDED', 'Deadline Exceeded');
    const job: Job = {
      target,
      group: 'g',
      rows: 1,
      inputs: [{ shape: [1, 1], bytes: fp32(1) }],
      outputs: [0],
      bytes: 4,
      deadline,
      unwanted: () => (deadline <= this.now ? late : undefined),
      ...more,
    };
    return this.batcher.submit(job).then(
      () => (this.now <= deadline ? 'in time' : 'late'),
      (error: RelearnError) => (error instanceof RefusedLate ? 'refused' : error.code),
    );
  }

  /** Lets time pass, and runs end in it. */
  async until(time: number): Promise<void> {
    await settled();
    while (this.endsAt <= time) {
      this.now = this.endsAt;
      const end = this.end;
      this.end = undefined;
      this.endsAt = Number.POSITIVE_INFINITY;
      end?.();
      await settled();
    }
    this.now = time;
  }

  private async run(order: RunOrder): Promise<RunResult> {
    const rows = rowsOf(order);
    this.runs.push(rows);
    this.endsAt = this.now + this.costOf(rows);
    await new Promise<void>((resolve) => {
      this.end = resolve;
    });
    return { outputs: [{ shape: [rows, 1], bytes: new Uint8Array(4 * rows) }], computeMs: this.costOf(rows) };
  }
}

/** What was begun at this moment of the station's time has been done. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await systemClock.breathe();
}

/** Requests at a steady rate, each with so long to wait; what became of those that came once the queue was long. */
async function steady(
  station: Station,
  everyMs: number,
  withinMs: number,
  count: number,
): Promise<Map<string, number>> {
  const outcomes: Promise<string>[] = [];
  for (let at = 0; at < count; at++) {
    await station.until(at * everyMs);
    outcomes.push(station.request(withinMs));
  }
  await station.until(count * everyMs + 100 * withinMs);
  const told = new Map<string, number>();
  for (const outcome of (await Promise.all(outcomes)).slice(count / 2)) told.set(outcome, (told.get(outcome) ?? 0) + 1);
  return told;
}

// Full runs of 16 rows take 20 ms: 0.8 rows a millisecond.
const costOf = (rows: number) => 4 + rows;

describe('deadlines', () => {
  it('are kept under three times the load that can be answered, by nearly as many requests as can be answered', async () => {
    const station = new Station(costOf);
    const told = await steady(station, 1 / 2.4, 200, 2_400);
    const answerable = 1_200 / 3;
    expect(told.get('in time') ?? 0).toBeGreaterThan(0.95 * answerable);
    expect(told.get('late') ?? 0).toBeLessThan(0.02 * answerable);
    expect(told.get('refused') ?? 0).toBeGreaterThan(answerable);
    expect(told.get('DEADLINE_EXCEEDED') ?? 0).toBeLessThan(0.02 * answerable);
  });

  it('are no reason to refuse what fits', async () => {
    const told = await steady(new Station(costOf), 1 / 0.7, 200, 600);
    expect(Object.fromEntries(told)).toEqual({ 'in time': 300 });
  });

  it('do not keep a request from a thread that has nothing else to do, whatever runs took before', async () => {
    let slow = true;
    const station = new Station(() => (slow ? 1_000 : 1));
    for (let at = 0; at < 10; at++) {
      await station.until(at * 2_000);
      void station.request(5_000);
    }
    await station.until(20_000);
    slow = false;
    const outcome = station.request(50);
    await station.until(20_100);
    expect(await outcome).toBe('in time');
  });

  it('of a few rows do not wait behind what a higher priority never waits for', async () => {
    const station = new Station(costOf, { maxBatchRows: 4 });
    for (let at = 0; at < 12; at++) {
      await station.until(at * 100);
      for (let row = 0; row < 4; row++) void station.request(10_000);
    }
    await station.until(2_000);
    const queued = Array.from({ length: 40 }, () => station.request(10_000));
    const hurried = station.request(20);
    const first = station.request(20, { priority: 1 });
    await station.until(5_000);
    expect(await hurried).toBe('refused');
    expect(await first).toBe('in time');
    expect(new Set(await Promise.all(queued))).toEqual(new Set(['in time']));
  });
});
