import { systemClock } from '@relearn/kernel';
import type { RunOrder, RunResult, SessionEvents, Sessions } from '../src/inference/sessions.js';
import { threadPlan } from '../src/inference/threads.js';
import { WorkerPool } from '../src/inference/worker/pool.js';

/** Worker threads whose next run waits until it is let: meanwhile no slot is free, unless one session alone is held. */
export class HeldSessions {
  private held: Promise<void> = Promise.resolve();
  private waiting = 0;
  private session: number | null = null;
  release: () => void = () => undefined;

  /** A run has been given and waits. */
  get holds(): boolean {
    return this.waiting > 0;
  }

  /** All runs, or those of one session while others go on. */
  hold(session: number | null = null): void {
    this.session = session;
    this.held = new Promise((resolve) => {
      this.release = resolve;
    });
  }

  readonly open = (events: SessionEvents): Sessions => {
    const pool = new WorkerPool({ ...events, clock: systemClock, plan: threadPlan() });
    const isFree = () => (this.waiting === 0 || this.session !== null) && pool.free;
    const run = async (order: RunOrder): Promise<RunResult> => {
      if (this.session !== null && order.session !== this.session) return pool.run(order);
      this.waiting += 1;
      await this.held;
      this.waiting -= 1;
      return pool.run(order);
    };
    return {
      get free() {
        return isFree();
      },
      takesNext: false,
      run,
      start: () => pool.start(),
      load: (session, onnx, digest) => pool.load(session, onnx, digest),
      release: (session) => pool.release(session),
      stop: () => pool.stop(),
    };
  };
}
