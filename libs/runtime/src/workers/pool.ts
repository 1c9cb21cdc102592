import { Worker } from 'node:worker_threads';
import { type Clock, RelearnError, systemClock, type Timer, type WorkOrder, type Workers } from '@relearn/kernel';
import type { Log } from '@relearn/telemetry';
import { distModule } from './dist-module.js';
import { type FromThread, plainError, revivedError, type ToThread } from './protocol.js';

export interface WorkersOptions {
  /** Threads at most; each is started when the first job needs it. */
  readonly size: number;
  /** Jobs that may wait for a thread; beyond it `run` rejects with RESOURCE_EXHAUSTED. Default 256. */
  readonly waiting?: number;
  /** A thread without work for so long ends. Default 30 s. */
  readonly idleMs?: number;
  /** Bounds what a thread keeps for values that die young, MiB; for jobs that are many and short. Default V8's, up to 48. */
  readonly youngMiB?: number;
  readonly clock?: Clock;
  readonly log?: Log;
}

interface Job {
  readonly order: WorkOrder;
  readonly cancel: SharedArrayBuffer;
  /** Settles the caller's promise, once; later calls change nothing. */
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: RelearnError) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly ended: Promise<void>;
  job: Job | undefined;
  idle: Timer | undefined;
}

const threadModule = new URL(distModule(import.meta.url, './thread.js'));

/**
 * Workers on worker threads, which yield to all others. An aborted job rejects with CANCELLED at once and its thread is told,
 * never terminated (ending a thread inside a native run aborts the process): it takes the next job when `run` returns. A thread
 * that dies rejects its job with UNAVAILABLE. `stop` rejects what waits and runs with UNAVAILABLE, since it can be done again
 * elsewhere, and resolves when every thread has ended by itself.
 */
export function createWorkers(options: WorkersOptions): Workers {
  return new ThreadPool(options);
}

class ThreadPool implements Workers {
  private readonly options: WorkersOptions;
  private readonly clock: Clock;
  private readonly threads = new Set<Thread>();
  private readonly queue: Job[] = [];
  private stopped = false;

  constructor(options: WorkersOptions) {
    if (!(options.size >= 1)) throw new RelearnError('INVALID_CONFIG', `a pool of ${options.size} threads`);
    this.options = options;
    this.clock = options.clock ?? systemClock;
  }

  run(order: WorkOrder): Promise<unknown> {
    const { signal } = order;
    if (this.stopped) return Promise.reject(stopping());
    if (signal?.aborted === true) return Promise.reject(givenUp(order));
    if (this.queue.length >= (this.options.waiting ?? 256)) {
      return Promise.reject(new RelearnError('RESOURCE_EXHAUSTED', `${this.queue.length} jobs wait for a thread`));
    }
    return new Promise((resolve, reject) => {
      const onAbort = () => this.giveUp(job);
      const settled = () => signal?.removeEventListener('abort', onAbort);
      const job: Job = {
        order,
        cancel: new SharedArrayBuffer(4),
        resolve: (result) => {
          settled();
          resolve(result);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.queue.push(job);
      this.dispatch();
    });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const job of this.queue.splice(0)) job.reject(stopping());
    for (const thread of this.threads) {
      // Awaited below: an unreferenced thread would let the process end first.
      thread.worker.ref();
      if (thread.job === undefined) this.end(thread);
      else {
        raise(thread.job.cancel);
        thread.job.reject(stopping());
      }
    }
    await Promise.all([...this.threads].map((thread) => thread.ended));
  }

  private giveUp(job: Job): void {
    const at = this.queue.indexOf(job);
    if (at >= 0) this.queue.splice(at, 1);
    raise(job.cancel);
    job.reject(givenUp(job.order));
  }

  private dispatch(): void {
    while (this.queue.length > 0) {
      const idle = [...this.threads].filter((thread) => thread.job === undefined).at(-1);
      const thread = idle ?? (this.threads.size < this.options.size ? this.begin() : undefined);
      if (thread === undefined) return;
      const job = this.queue.shift();
      if (job !== undefined) this.assign(thread, job);
    }
  }

  private assign(thread: Thread, job: Job): void {
    thread.idle?.cancel();
    thread.job = job;
    thread.worker.ref();
    const { module, input } = job.order;
    try {
      post(thread, { type: 'run', module, input, cancel: job.cancel });
    } catch (thrown) {
      thread.job = undefined;
      this.rest(thread);
      job.reject(new RelearnError('INTERNAL', `the input of ${module} cannot be cloned`, { cause: thrown }));
    }
  }

  private begin(): Thread {
    // The flags of this process (a test runner's loaders, export conditions) are not for compiled code.
    const { youngMiB } = this.options;
    const resourceLimits = youngMiB === undefined ? {} : { maxYoungGenerationSizeMb: youngMiB };
    const worker = new Worker(threadModule, { execArgv: [], resourceLimits });
    let death: unknown;
    const ended = new Promise<void>((resolve) => {
      worker.once('exit', (status) => {
        this.bury(thread, death ?? new Error(`exit status ${status}`));
        resolve();
      });
    });
    const thread: Thread = { worker, ended, job: undefined, idle: undefined };
    worker.on('error', (thrown) => {
      death = thrown;
    });
    worker.on('message', (message: FromThread) => this.receive(thread, message));
    worker.on('messageerror', (cause) => {
      const error = new RelearnError('INTERNAL', 'a message of a worker thread cannot be read', { cause });
      this.receive(thread, { type: 'failed', error: plainError(error) });
    });
    this.threads.add(thread);
    return thread;
  }

  private receive(thread: Thread, message: FromThread): void {
    const { job } = thread;
    if (job === undefined) return;
    if (message.type === 'progress') {
      if (Atomics.load(new Int32Array(job.cancel), 0) === 0) tellProgress(job, message.value);
      return;
    }
    thread.job = undefined;
    if (message.type === 'done') job.resolve(message.result);
    else job.reject(revivedError(message.error));
    this.rest(thread);
    this.dispatch();
  }

  private rest(thread: Thread): void {
    if (this.stopped) return this.end(thread);
    thread.worker.unref();
    thread.idle = this.clock.after(this.options.idleMs ?? 30_000, () => this.end(thread));
  }

  /** Tells an idle thread to end; from here on it takes no job. */
  private end(thread: Thread): void {
    thread.idle?.cancel();
    post(thread, { type: 'end' });
    if (!this.stopped) this.threads.delete(thread);
  }

  private bury(thread: Thread, death: unknown): void {
    thread.idle?.cancel();
    this.threads.delete(thread);
    const { job } = thread;
    thread.job = undefined;
    if (job !== undefined) {
      const reason = death instanceof Error ? death.message : String(death);
      const error = new RelearnError('UNAVAILABLE', `the thread of ${job.order.module} died: ${reason}`, {
        cause: death,
      });
      this.options.log?.warn({ err: error }, 'a worker thread died');
      job.reject(error);
    }
    this.dispatch();
  }
}

/** A caller that cannot take its own job's progress gets its own error as the job's. */
function tellProgress(job: Job, value: unknown): void {
  try {
    job.order.onProgress?.(value);
  } catch (thrown) {
    raise(job.cancel);
    job.reject(RelearnError.from(thrown));
  }
}

function post(thread: Thread, message: ToThread): void {
  thread.worker.postMessage(message);
}

function raise(cancel: SharedArrayBuffer): void {
  Atomics.store(new Int32Array(cancel), 0, 1);
}

function givenUp(order: WorkOrder): RelearnError {
  return new RelearnError('CANCELLED', `${order.module} was given up`);
}

function stopping(): RelearnError {
  return new RelearnError('UNAVAILABLE', 'the workers are stopping');
}
