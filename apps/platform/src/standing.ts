import { type Kernel, RelearnError, retry } from '@relearn/kernel';
import type { Log } from '@relearn/telemetry';

/** Something that this process needs and that is not there now. */
export interface Missing {
  readonly name: string;
  readonly message: string;
}

interface Away extends Missing {
  readonly since: number;
  toldAt: number;
}

const tellEveryMs = 60_000;
const longestDelayMs = 2_000;

/** What a process waits for: it says so in `/readyz` and in one log line a minute, and goes on when it is there. */
export class Standing {
  private readonly kernel: Kernel;
  private readonly log: Log;
  private readonly away = new Map<string, Away>();

  constructor(kernel: Kernel, log: Log) {
    this.kernel = kernel;
    this.log = log;
  }

  get missing(): readonly Missing[] {
    return [...this.away.values()].map(({ name, message }) => ({ name, message }));
  }

  /** Runs the work again while what it needs is away. Throws what waiting does not mend, CANCELLED when the signal aborts. */
  async until<T>(name: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { clock, chance } = this.kernel;
    const once = async () => {
      if (signal.aborted) throw new RelearnError('CANCELLED', `stopped while waiting for ${name}`);
      try {
        return await work();
      } catch (thrown) {
        const error = RelearnError.from(thrown);
        if (error.retryable) this.gone(name, error);
        throw error;
      }
    };
    const result = await retry({ clock, chance, signal, firstDelayMs: 100, longestDelayMs }, once);
    this.back(name);
    return result;
  }

  gone(name: string, error: RelearnError): void {
    const now = this.kernel.clock.now();
    const before = this.away.get(name);
    const away = { name, message: error.message, since: before?.since ?? now, toldAt: before?.toldAt ?? -Infinity };
    this.away.set(name, away);
    if (now - away.toldAt < tellEveryMs) return;
    away.toldAt = now;
    const seconds = Math.round((now - away.since) / 1000);
    this.log.warn({ code: error.code, seconds }, `waits for the ${name}: ${error.message}`);
  }

  back(name: string): void {
    const away = this.away.get(name);
    if (away === undefined) return;
    this.away.delete(name);
    const seconds = Math.round((this.kernel.clock.now() - away.since) / 1000);
    this.log.info({ seconds }, `the ${name} is there: goes on`);
  }
}
