import { type Chance, type Kernel, noFailpoints, RelearnError, seededChance, type Timer } from '@relearn/kernel';
import type { CallKind, Faults } from './faults.js';
import type { Scheduler, Step } from './scheduler.js';

/** Wall time at the beginning of virtual time. */
export const epoch = Date.UTC(2024, 5, 1);

/**
 * One process of the system. All that its code waits for is a step of the scheduler: time and calls of ports. When it has
 * crashed no step of it happens any more, so that what it was doing never goes on and is forgotten; what it had sent to an
 * adapter may still arrive there. While it is stopped (a machine that was suspended) its steps wait.
 */
export class SimulatedProcess {
  readonly name: string;
  readonly kernel: Kernel;
  alive = true;
  /** What the machine's wall clock is wrong by. */
  wallError = 0;
  private readonly scheduler: Scheduler;
  readonly faults: Faults;
  private readonly bootedAt: number;
  private stopped = false;
  private publishedUntil = 0;
  private waiting: { readonly step: Step; readonly run: () => void }[] = [];
  private readonly endings = new Set<() => void>();
  private readonly ends = new WeakMap<AbortSignal, AbortSignal>();

  constructor(scheduler: Scheduler, faults: Faults, name: string, incarnation: number) {
    this.scheduler = scheduler;
    this.faults = faults;
    this.name = name;
    // No two machines' monotonic clocks agree.
    this.bootedAt = scheduler.now - scheduler.below(1_000_000);
    const chance: Chance = seededChance(scheduler.below(2 ** 31) + incarnation);
    this.kernel = { clock: this.clock(), chance, failpoints: noFailpoints };
  }

  get isStopped(): boolean {
    return this.stopped;
  }

  /** A step of this process: none once it has crashed, later while it is stopped. */
  later(ms: number, label: string, run: () => void): Step {
    const step = this.scheduler.after(ms, `${this.name} ${label}`, () => {
      if (!this.alive) return;
      if (this.stopped) this.waiting.push({ step, run });
      else run();
    });
    return step;
  }

  /** Its memory is gone from here on. */
  crash(): void {
    this.alive = false;
    this.waiting = [];
    for (const end of this.endings) end();
    this.endings.clear();
  }

  /** Called at the crash, unless taken back: for what others hold of it. */
  atCrash(end: () => void): () => void {
    if (!this.alive) end();
    else this.endings.add(end);
    return () => void this.endings.delete(end);
  }

  /** Aborts with the signal, or at the crash. (`AbortSignal.any` costs more than a step.) */
  untilCrash(signal: AbortSignal): AbortSignal {
    const known = this.ends.get(signal);
    if (known !== undefined) return known;
    const either = new AbortController();
    let forget: () => void = () => undefined;
    const abort = () => {
      forget();
      either.abort('over');
    };
    forget = this.atCrash(abort);
    signal.addEventListener('abort', abort, { once: true });
    this.ends.set(signal, either.signal);
    return either.signal;
  }

  stop(): void {
    this.stopped = true;
  }

  /** Goes on where it was, and does not know how long it was away. */
  wake(): void {
    this.stopped = false;
    for (const { step, run } of this.waiting.splice(0)) {
      this.later(this.scheduler.random(), `woken: ${step.label}`, () => {
        if (step.run !== null) run();
      });
    }
  }

  /** A call of a port. The effect is the adapter's; the answer comes back to this process, if it is there. */
  call<T>(kind: CallKind, name: string, effect: () => Promise<T>, part?: () => Promise<unknown>): Promise<T> {
    const { scheduler, faults } = this;
    const { outcome, before: delay, after } = faults.plan(kind);
    const before = kind === 'publish' ? this.inTurn(delay) : delay;
    return new Promise<T>((resolve, reject) => {
      const refuse = (how: string) => reject(new RelearnError('UNAVAILABLE', `${name}: simulated ${how}`));
      const answer = (settle: () => void) => {
        let tell = settle;
        for (const strike of faults.waiting.values()) {
          if (strike(this, name) === 'answer lost') tell = () => refuse('lost to an ambush');
        }
        if (after === 0 && this.alive && !this.stopped) tell();
        else this.later(after, `hears of ${name}`, tell);
      };
      const away = () => answer(() => refuse(outcome));
      const send = async () => {
        if (outcome === 'refused') return away();
        if (outcome === 'late') {
          scheduler.after(20 + scheduler.random() * 4000, `${this.name} late ${name}`, () => void quiet(effect));
          return away();
        }
        if (outcome === 'part') {
          await quiet(part ?? (() => Promise.resolve()));
          return away();
        }
        if (outcome === 'twice') {
          const again = scheduler.random() * 400;
          scheduler.after(again, `${this.name} twice ${name}`, () => void quiet(effect));
        }
        try {
          const value = await effect();
          if (outcome === 'lost') away();
          else answer(() => resolve(value));
        } catch (thrown) {
          answer(() => reject(thrown));
        }
      };
      scheduler.after(before, outcome === 'done' ? `${this.name} ${name}` : `${this.name} ${name} ${outcome}`, () => {
        // What a dead process had sent is on the wire, or is not.
        if (this.alive || scheduler.chance(0.5)) void send();
      });
    });
  }

  /** Publications of a process keep their order, also when nobody waits between them. */
  private inTurn(delay: number): number {
    this.publishedUntil = Math.max(this.publishedUntil, this.scheduler.now + delay);
    return this.publishedUntil - this.scheduler.now;
  }

  private clock() {
    const { scheduler } = this;
    return {
      now: () => scheduler.now - this.bootedAt,
      wall: () => epoch + Math.floor(scheduler.now) + this.wallError,
      breathe: () => new Promise<void>((resolve) => this.later(0, 'breathes', resolve)),
      after: (ms: number, callback: () => void): Timer => {
        const step = this.later(ms, 'timer', callback);
        return { cancel: () => void (step.run = null) };
      },
      sleep: (ms: number, signal?: AbortSignal) =>
        new Promise<void>((resolve) => {
          if (signal?.aborted) return resolve();
          const finish = () => {
            forget();
            signal?.removeEventListener('abort', finish);
            step.run = null;
            resolve();
          };
          const step = this.later(ms, 'sleep', finish);
          // Node keeps a signal that others follow for as long as somebody listens to it.
          const forget = this.atCrash(() => signal?.removeEventListener('abort', finish));
          signal?.addEventListener('abort', finish, { once: true });
        }),
    };
  }
}

/** Nobody hears of what comes of it. */
async function quiet(effect: () => Promise<unknown>): Promise<void> {
  try {
    await effect();
  } catch {
    // A write that comes too late is refused: that is the adapter's answer to nobody.
  }
}
