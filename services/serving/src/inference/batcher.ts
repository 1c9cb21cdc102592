import { type Clock, type MachineMs, RelearnError } from '@relearn/kernel';
import { count, digestsOfEach, orderOf, split } from './batch.js';
import type { ModelFigures } from './figures.js';
import type { PredictionLog, PredictionRecord } from './prediction-record.js';
import { refusals } from './refusals.js';
import { RequestQueue, rowsOf, type Waiting } from './request-queue.js';
import type { ModelSignature, TensorBytes } from './tensors.js';
import type { RunOrder, RunResult } from './sessions.js';
import { RunCosts } from './worker/run-costs.js';

/** The model version that a job runs on. */
export interface BatchTarget {
  readonly session: number;
  readonly signature: ModelSignature;
  /** Do the rows of several requests fit into one run? */
  readonly batchable: boolean;
}

/** One request's share of a run, checked and ready. */
export interface Job {
  readonly target: BatchTarget;
  /** Jobs of one group may share a run: same version, same outputs, same parameters, same inner sizes. */
  readonly group: string;
  readonly rows: number;
  /** In the order of the model's inputs. */
  readonly inputs: readonly TensorBytes[];
  /** Indices of the model's outputs. */
  readonly outputs: readonly number[];
  /** Bytes that wait with the job. */
  readonly bytes: number;
  /** Gives up this many milliseconds after it came, when it still waits. */
  readonly queueTimeoutMs?: number | undefined;
  /** When its caller has no use for an answer any more; absent: never. */
  readonly deadline?: MachineMs;
  /** 1 to `lowestPriority`; `defaultPriority` where absent. */
  readonly priority?: number;
  /** Where its run is counted; nowhere where absent. */
  readonly figures?: ModelFigures;
  /** Has the caller given up, or its deadline passed? Asked right before the run. */
  readonly unwanted: () => RelearnError | undefined;
  /** What the prediction log gets before the answer leaves; nothing where absent. */
  readonly recordOf?: ((answer: JobAnswer) => PredictionRecord) | undefined;
}

export interface JobTimings {
  readonly queueMs: number;
  readonly computeMs: number;
  /** Rows of all requests in the run. */
  readonly batchRows: number;
}

export interface JobAnswer {
  readonly outputs: readonly TensorBytes[];
  readonly timings: JobTimings;
  /** By input, of each of its rows, where the run has made them for the log. */
  readonly digests?: readonly (readonly string[] | undefined)[] | undefined;
}

export interface BatcherOptions {
  readonly clock: Clock;
  /** Runs now, or next; asked only while `isFree` or `takesNext`. */
  readonly run: (order: RunOrder) => Promise<RunResult>;
  readonly isFree: () => boolean;
  /** Would a thread that is busy take its next run already? */
  readonly takesNext: () => boolean;
  /** How many run at the same time. */
  readonly runsAtOnce: number;
  /** Most rows in one run of several requests. */
  readonly maxBatchRows: number;
  /** Bounds of what waits. */
  readonly maxQueuedJobs: number;
  readonly maxQueuedBytes: number;
  /** After so many runs of requests in a row one run of the background goes first. */
  readonly backgroundShare: number;
  /** Called once a run, before any of its answers leaves; what it throws is the answer of them all. */
  readonly log: PredictionLog;
}

/** Of runs up to so long, more bytes than these at once gain nothing: to lay them together takes as long as to run each. */
const shortMs = 2;
const mostBytesOfShort = 1 << 20;

/** Of a longer run its thread would save too little, and a request of another model would wait for two of them. */
const longestNextMs = 20;

/** A queue that is expected to take more of the time until a request's deadline than this is too long for it. */
const mostOfDeadline = 0.75;

/**
 * Dynamic batching that never waits: when a thread is free it takes what is there, requests before the background's slices.
 * What runs take is learnt: a request whose answer would come too late is refused when it comes, and no run is filled with those
 * that are too late meanwhile. A run that fails is repeated for each member alone.
 */
export class Batcher {
  private readonly options: BatcherOptions;
  private readonly requests = new RequestQueue();
  /** What runs of a target take, from the call to its answer. */
  private readonly costs = new WeakMap<BatchTarget, RunCosts>();
  private readonly background: Waiting[] = [];
  /** Members of failed runs, each to be run alone. */
  private readonly alone: Waiting[] = [];
  private queuedJobs = 0;
  private queuedBytes = 0;
  private sinceBackground = 0;
  private scheduled = false;

  constructor(options: BatcherOptions) {
    this.options = options;
  }

  /** Requests that wait. */
  get depth(): number {
    return this.queuedJobs;
  }

  /**
   * Throws UNAVAILABLE when the queue is full or too long for the job's deadline, or when its time in it has passed, and whatever
   * `unwanted` says.
   */
  submit(job: Job): Promise<JobAnswer> {
    if (this.isFull(job)) this.sweep();
    if (this.isFull(job)) return Promise.reject(new RelearnError('UNAVAILABLE', 'Exceeds maximum queue size'));
    if (this.isTooLong(job)) return Promise.reject(refusals.tooLate());
    this.queuedJobs += 1;
    this.queuedBytes += job.bytes;
    return this.enqueue(job, (waiting) => {
      this.requests.push(waiting);
      if (job.queueTimeoutMs !== undefined) {
        waiting.timeout = this.options.clock.after(job.queueTimeoutMs, () => this.expire(waiting));
      }
    });
  }

  /** A slice of work that nobody waits for at a socket. Its caller bounds how much of it there is. */
  submitBackground(job: Job): Promise<JobAnswer> {
    return this.enqueue(job, (waiting) => this.background.push(waiting));
  }

  /** Starts runs while threads are free. Arrivals of one turn of the event loop are taken together. */
  wake(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    void this.options.clock.breathe().then(() => {
      this.scheduled = false;
      this.dispatch();
    });
  }

  private isFull(job: Job): boolean {
    const { maxQueuedJobs, maxQueuedBytes } = this.options;
    const heavy = this.queuedJobs > 0 && this.queuedBytes + job.bytes > maxQueuedBytes;
    return heavy || this.queuedJobs >= maxQueuedJobs;
  }

  /** Those who have given up keep no place from others. */
  private sweep(): void {
    this.requests.sweep((waiting) => this.isWanted(waiting, false));
  }

  /** Takes the queue of the job's group longer than its deadline leaves room for? What is not known yet takes no time. */
  private isTooLong(job: Job): boolean {
    const { deadline = Number.POSITIVE_INFINITY, target, rows } = job;
    if (deadline === Number.POSITIVE_INFINITY || !target.batchable) return false;
    const before = this.requests.rowsBefore(job);
    const { clock, runsAtOnce } = this.options;
    const mostRows = this.mostRows(job);
    // Who fits into the next run takes nobody's place.
    if (before < mostRows) return false;
    const costs = this.costs.get(target);
    const runs = Math.floor(before / mostRows) / runsAtOnce;
    const expected = runs * (costs?.atLeast(mostRows) ?? 0) + (costs?.atLeast(Math.min(mostRows, rows)) ?? 0);
    return expected > mostOfDeadline * (deadline - clock.now());
  }

  /** Where others fill its run, one that would be answered too late makes room for them. */
  private isWanted(waiting: Waiting, surplus: boolean): boolean {
    const { job } = waiting;
    const unwanted = job.unwanted() ?? (surplus && this.isLate(job) ? refusals.tooLate() : undefined);
    if (unwanted === undefined) return true;
    waiting.timeout?.cancel();
    this.left(job);
    waiting.reject(unwanted);
    return false;
  }

  private isLate(job: Job): boolean {
    const { deadline = Number.POSITIVE_INFINITY, target } = job;
    if (deadline === Number.POSITIVE_INFINITY) return false;
    return this.options.clock.now() + (this.costs.get(target)?.atLeast(this.mostRows(job)) ?? 0) > deadline;
  }

  /** Rows of such requests that a run may have. */
  private mostRows({ target, bytes, rows }: Job): number {
    const { maxBatchRows } = this.options;
    // Multiplied out: a request may have no bytes.
    if (mostBytesOfShort * rows >= maxBatchRows * bytes) return maxBatchRows;
    const expected = this.costs.get(target)?.expected(1) ?? Number.POSITIVE_INFINITY;
    return expected > shortMs ? maxBatchRows : Math.max(1, Math.floor((mostBytesOfShort * rows) / bytes));
  }

  private enqueue(job: Job, put: (waiting: Waiting) => void): Promise<JobAnswer> {
    return new Promise((resolve, reject) => {
      const since = this.options.clock.now();
      put({ job, since, resolve, reject, timeout: undefined, gone: false, attempts: 0 });
      this.wake();
    });
  }

  private expire(waiting: Waiting): void {
    waiting.gone = true;
    this.left(waiting.job);
    waiting.reject(new RelearnError('UNAVAILABLE', 'Request timeout expired'));
  }

  private left(job: Job): void {
    this.queuedJobs -= 1;
    this.queuedBytes -= job.bytes;
  }

  private dispatch(): void {
    while (this.options.isFree()) {
      const batch = this.take();
      if (batch === undefined) return;
      void this.runBatch(batch);
    }
    while (this.options.takesNext() && this.hasNextRun()) {
      const batch = this.take();
      if (batch === undefined) return;
      void this.runBatch(batch);
    }
  }

  /** Is there a run that gains nothing by waiting here for its thread, and holds up nobody for long there? */
  private hasNextRun(): boolean {
    if (this.alone.length > 0 || this.isBackgroundDue()) return true;
    const job = this.requests.wholeRun((first) => this.mostRows(first));
    if (job === undefined) return false;
    const expected = this.costs.get(job.target)?.expected(job.target.batchable ? this.mostRows(job) : 1);
    return expected !== undefined && expected <= longestNextMs;
  }

  private isBackgroundDue(): boolean {
    return this.background.length > 0 && this.sinceBackground >= this.options.backgroundShare;
  }

  private take(): Waiting[] | undefined {
    const lone = this.alone.shift();
    if (lone !== undefined) return [lone];
    if (!this.isBackgroundDue()) {
      const batch = this.takeRequests();
      if (batch !== undefined) {
        this.sinceBackground += 1;
        return batch;
      }
    }
    const slice = this.background.shift();
    if (slice === undefined) return undefined;
    this.sinceBackground = 0;
    return [slice];
  }

  private takeRequests(): Waiting[] | undefined {
    const batch = this.requests.take({
      mostRows: (job) => this.mostRows(job),
      isWanted: (waiting, surplus) => this.isWanted(waiting, surplus),
    });
    for (const { job, timeout } of batch ?? []) {
      timeout?.cancel();
      this.left(job);
    }
    return batch;
  }

  private async runBatch(batch: readonly Waiting[]): Promise<void> {
    const given = this.options.clock.now();
    try {
      const result = await this.options.run(orderOf(batch));
      const began = given + (result.waitedMs ?? 0);
      const tookMs = this.options.clock.now() - began;
      this.learn(batch, tookMs);
      // The thread gets its next run before this one's answers are written.
      this.dispatch();
      this.answer(batch, result, began, tookMs);
    } catch (thrown) {
      this.retryAlone(batch, RelearnError.from(thrown));
      this.wake();
    }
  }

  private learn(batch: readonly Waiting[], tookMs: number): void {
    const target = batch[0]?.job.target;
    if (target === undefined) return;
    let costs = this.costs.get(target);
    if (costs === undefined) this.costs.set(target, (costs = new RunCosts()));
    costs.add(rowsOf(batch), tookMs);
  }

  private answer(batch: readonly Waiting[], result: RunResult, began: number, tookMs: number): void {
    const shares = split(batch, result);
    const batchRows = rowsOf(batch);
    const digests = digestsOfEach(batch, result);
    const answers = batch.map(({ since }, index) => ({
      outputs: shares[index] ?? [],
      timings: { queueMs: began - since, computeMs: result.computeMs, batchRows },
      digests: digests[index],
    }));
    count(batch, result, began, tookMs);
    const records: PredictionRecord[] = [];
    answers.forEach((answer, index) => {
      const record = batch[index]?.job.recordOf?.(answer);
      if (record !== undefined) records.push(record);
    });
    try {
      if (records.length > 0) this.options.log(records);
    } catch (thrown) {
      const error = RelearnError.from(thrown);
      for (const waiting of batch) waiting.reject(error);
      return;
    }
    answers.forEach((answer, index) => batch[index]?.resolve(answer));
  }

  /** A neighbour's poison must not reach anybody; a lost thread is no fault of the request's, once. */
  private retryAlone(batch: readonly Waiting[], error: RelearnError): void {
    for (const waiting of batch) {
      waiting.attempts += 1;
      const innocent = batch.length > 1 || error.code === 'UNAVAILABLE';
      const unwanted = waiting.job.unwanted();
      if (unwanted !== undefined) waiting.reject(unwanted);
      else if (innocent && waiting.attempts < 3) this.alone.push(waiting);
      else waiting.reject(new RelearnError('INTERNAL', `inference failed: ${error.message}`, { cause: error }));
    }
  }
}
