import { Worker } from 'node:worker_threads';
import { RelearnError } from '@relearn/kernel';
import type { FromWorker, ToWorker } from './protocol.js';

/** Worker threads load compiled JavaScript only, whoever started us. */
const entry = new URL('./main.js', import.meta.url.replace(/\/src(?=\/inference\/worker\/[^/]*$)/, '/dist'));

interface Pending {
  resolve(message: FromWorker): void;
  reject(error: RelearnError): void;
}

/** One worker thread: messages go in, their answers come back in the same order; a death rejects what was asked. */
export class SessionThread {
  readonly gone: Promise<void>;
  private readonly worker: Worker;
  private pending: Pending[] = [];
  private dead = false;
  private reason = 'the thread ended';

  constructor(name: string) {
    // Without the parent's flags: a test runner's module conditions point at sources.
    // Tensors die young: a larger nursery would only hold more of them.
    this.worker = new Worker(entry, { name, execArgv: [], resourceLimits: { maxYoungGenerationSizeMb: 3 } });
    this.worker.on('message', (message: FromWorker) => {
      this.pending.shift()?.resolve(message);
    });
    this.worker.on('error', (error) => {
      this.reason = error.message;
    });
    this.gone = new Promise((resolve) => {
      this.worker.once('exit', () => {
        this.dead = true;
        for (const pending of this.pending.splice(0)) pending.reject(crashed(this.reason));
        resolve();
      });
    });
  }

  get alive(): boolean {
    return !this.dead;
  }

  /** Throws UNAVAILABLE when the thread dies before it answers. */
  ask(message: ToWorker, transfer: readonly ArrayBuffer[] = []): Promise<FromWorker> {
    if (this.dead) return Promise.reject(crashed(this.reason));
    return new Promise((resolve, reject) => {
      this.pending.push({ resolve, reject });
      this.worker.postMessage(message, [...transfer]);
    });
  }

  /** Ends by message, after the answer under way: a thread is never terminated inside a run. */
  async stop(): Promise<void> {
    if (!this.dead) this.worker.postMessage({ kind: 'stop' } satisfies ToWorker);
    await this.gone;
  }
}

function crashed(reason: string): RelearnError {
  return new RelearnError('UNAVAILABLE', `an inference thread died: ${reason}`);
}
