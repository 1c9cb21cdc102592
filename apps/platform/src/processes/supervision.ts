import type { Clock } from '@relearn/kernel';
import type { Log } from '@relearn/telemetry';

/** How a process has ended: by itself with a code, or by a signal. */
export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A process that was forked. */
export interface Child {
  readonly ended: Promise<Ending>;
  /** Resolves when it answers requests; maybe never. */
  readonly serving: Promise<unknown>;
  /** Whether it says how it stands within a time that it always should. */
  answers(): Promise<boolean>;
  /** Asks it to end. */
  stop(): void;
  /** Ends it. */
  kill(): void;
}

export interface SupervisionOptions<C extends Child> {
  readonly processes: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether siblings answer requests already decides when the new one opens its doors. */
  readonly fork: (index: number, siblingsServe: boolean) => C;
}

const firstDelayMs = 250;
const longestDelayMs = 30_000;
/** Who has lived for so long has not died of its start. */
const steadyMs = 60_000;
/** So many endings in a row, with nobody who answers requests: whoever has started us should know. */
const mostFailures = 5;
/** How often one that answers requests is asked whether it stands, and how often in a row it may fail to say so. */
const watchEveryMs = 5_000;
const mostSilences = 4;
/** The exit code for bad input: the next attempt would end likewise. */
const badInput = 2;

/** Which processes run: the first alone until it answers requests, then all; one that ends is replaced, later each time. */
export class Supervision<C extends Child> {
  /** By index. */
  readonly running = new Map<number, C>();
  private readonly options: SupervisionOptions<C>;
  private readonly stopping = new AbortController();
  private readonly serving = new Set<C>();
  private exitCode = 0;
  private someServe: () => void = () => undefined;

  constructor(options: SupervisionOptions<C>) {
    this.options = options;
  }

  /** Resolves when all have ended after `stop`, or after none could be kept: with the exit code. */
  async run(): Promise<number> {
    const oneServes = new Promise<void>((resolve) => {
      this.someServe = resolve;
    });
    const kept = [this.keep(0)];
    await Promise.race([oneServes, ...kept]);
    for (let index = 1; index < this.options.processes; index++) kept.push(this.keep(index));
    await Promise.all(kept);
    return this.exitCode;
  }

  /** Asks all to end, and replaces none any more. */
  stop(): void {
    this.stopping.abort();
    for (const child of this.running.values()) child.stop();
  }

  private async keep(index: number): Promise<void> {
    const { clock, log } = this.options;
    const { signal } = this.stopping;
    for (let failures = 0; !signal.aborted; ) {
      const began = clock.now();
      const { served, ...ending } = await this.runOnce(index);
      if (signal.aborted) {
        // Who was still starting has nothing to bring to an end.
        if (served && ending.code !== 0) this.exitCode ||= 1;
        return;
      }
      failures = clock.now() - began < steadyMs ? failures + 1 : 1;
      const how = `process ${index} has ended (${ending.signal ?? `exit code ${ending.code}`})`;
      if (this.serving.size === 0 && (ending.code === badInput || failures >= mostFailures)) {
        log.error(`${how}, and none answers requests`);
        this.exitCode = ending.code || 1;
        return this.stop();
      }
      const delayMs = Math.min(longestDelayMs, firstDelayMs * 2 ** (failures - 1));
      log.error({ delayMs }, `${how}: another takes its place`);
      await clock.sleep(delayMs, signal);
    }
  }

  private async runOnce(index: number): Promise<Ending & { readonly served: boolean }> {
    const child = this.options.fork(index, this.serving.size > 0);
    this.running.set(index, child);
    void child.serving.then(() => {
      if (this.running.get(index) !== child) return;
      this.serving.add(child);
      this.someServe();
      void this.watch(index, child);
    });
    const ending = await child.ended;
    this.running.delete(index);
    return { ...ending, served: this.serving.delete(child) };
  }

  /** A process that hangs keeps its connections, and is given new ones: it is ended, and another takes its place. */
  private async watch(index: number, child: C): Promise<void> {
    const { clock, log } = this.options;
    for (let silences = 0; silences < mostSilences; ) {
      await clock.sleep(watchEveryMs, this.stopping.signal);
      if (this.stopping.signal.aborted || !this.serving.has(child)) return;
      silences = (await child.answers()) ? 0 : silences + 1;
    }
    log.error({ process: index }, `process ${index} hangs: it is ended`);
    child.kill();
  }
}
