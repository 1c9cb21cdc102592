import type { RelearnError } from '@relearn/kernel';
import { RefusedLate } from './refusals.js';

/** What one run took, in milliseconds. */
export interface RunTimes {
  /** From the run's beginning to the model's: packing, and the way to the thread and back. */
  readonly inputMs: number;
  readonly inferMs: number;
  /** Outputs made ready. */
  readonly outputMs: number;
}

export interface Sum {
  count: number;
  ms: number;
}

/** Runs of one size. */
export interface BatchFigures {
  readonly rows: number;
  count: number;
  inputMs: number;
  inferMs: number;
  outputMs: number;
}

/** Why a request got no answer, in the words of Triton's metrics. */
export type FailureReason = 'REJECTED' | 'CANCELED' | 'BACKEND' | 'OTHER';

export function failureReasonOf(error: RelearnError): FailureReason {
  if (error instanceof RefusedLate) return 'REJECTED';
  const { code } = error;
  if (code === 'INTERNAL') return 'BACKEND';
  if (code === 'CANCELLED' || code === 'DEADLINE_EXCEEDED') return 'CANCELED';
  return code === 'UNAVAILABLE' || code === 'RESOURCE_EXHAUSTED' ? 'REJECTED' : 'OTHER';
}

/** What a model version has done for requests since it was loaded. */
export class ModelFigures {
  /** Milliseconds since 1970 UTC; 0: nothing yet. */
  lastInference = 0;
  rows = 0;
  runs = 0;
  readonly success: Sum = { count: 0, ms: 0 };
  readonly fail: Sum = { count: 0, ms: 0 };
  readonly failures = new Map<FailureReason, number>();
  /** Over requests: each waits for the whole of its run. */
  readonly queue: Sum = { count: 0, ms: 0 };
  readonly input: Sum = { count: 0, ms: 0 };
  readonly infer: Sum = { count: 0, ms: 0 };
  readonly output: Sum = { count: 0, ms: 0 };
  private readonly sizes = new Map<number, BatchFigures>();

  /** A run that went well: of so many rows and, in `queueMs`, one number a request. */
  ran(rows: number, queueMs: readonly number[], times: RunTimes): void {
    this.rows += rows;
    this.runs += 1;
    const { length } = queueMs;
    for (const ms of queueMs) this.queue.ms += ms;
    this.queue.count += length;
    this.add(this.input, length, times.inputMs);
    this.add(this.infer, length, times.inferMs);
    this.add(this.output, length, times.outputMs);
    const size = this.sizeOf(rows);
    size.count += 1;
    size.inputMs += times.inputMs;
    size.inferMs += times.inferMs;
    size.outputMs += times.outputMs;
  }

  /** A request has its answer, after so long. */
  answered(ms: number, now: number): void {
    this.success.count += 1;
    this.success.ms += ms;
    this.lastInference = now;
  }

  failed(ms: number, reason: FailureReason): void {
    this.fail.count += 1;
    this.fail.ms += ms;
    this.failures.set(reason, (this.failures.get(reason) ?? 0) + 1);
  }

  /** By ascending rows. */
  get batches(): readonly BatchFigures[] {
    return [...this.sizes.values()].sort((a, b) => a.rows - b.rows);
  }

  private add(sum: Sum, requests: number, ms: number): void {
    sum.count += requests;
    sum.ms += requests * ms;
  }

  private sizeOf(rows: number): BatchFigures {
    const there = this.sizes.get(rows);
    if (there !== undefined) return there;
    const made = { rows, count: 0, inputMs: 0, inferMs: 0, outputMs: 0 };
    this.sizes.set(rows, made);
    return made;
  }
}
