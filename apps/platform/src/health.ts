import { type Clock, type MachineMs, RelearnError } from '@relearn/kernel';
import type { Figures, Rendered, Telemetry } from '@relearn/telemetry';
import type { Probed, Stand } from './doors/probes.js';
import type { Standing } from './standing.js';

/** Gauges that take a look at the engines are not read anew before they are so old. */
const freshMs = 1_000;
/** Older ones are waited for, those between are brought up to date once the reader has been told. */
const staleMs = 5_000;
/** An engine that is slow, or away, holds up no scrape for longer. */
const patienceMs = 1_000;

/** What the probes are told of this process; readiness turns false before anything is torn down. */
export class Health implements Probed {
  /** Takes requests: started, and not stopping. */
  ready: () => boolean = () => false;
  /** Does what this process is for also while engines are away. */
  alone: () => boolean = () => false;
  /** Brings gauges up to date before they are read. */
  refresh: () => Promise<void> = async () => undefined;
  private readonly telemetry: Telemetry;
  private readonly standing: Standing;
  private readonly clock: Clock;
  private refreshing: Promise<void> | undefined;
  private refreshedAt: MachineMs = Number.NEGATIVE_INFINITY;

  constructor(telemetry: Telemetry, standing: Standing, clock: Clock) {
    this.telemetry = telemetry;
    this.standing = standing;
    this.clock = clock;
  }

  async stand(): Promise<Stand> {
    const { missing } = this.standing;
    return { ready: this.ready() && (missing.length === 0 || this.alone()), missing };
  }

  async metrics(accept: string): Promise<Rendered> {
    return await this.refreshed(() => this.telemetry.metrics.render(accept));
  }

  /** The same as data, under the name of this process among others. */
  async figures(process: string): Promise<Figures> {
    return await this.refreshed(() => this.telemetry.metrics.figures(process));
  }

  private async refreshed<Told>(read: () => Promise<Told>): Promise<Told> {
    const age = this.clock.now() - this.refreshedAt;
    if (age < freshMs) return await read();
    if (age < staleMs) {
      const told = await read();
      // Only once the answer is out: before it, the engines' threads would be at it beside the answer.
      setImmediate(() => void this.refreshOnce());
      return told;
    }
    const done = new AbortController();
    await Promise.race([this.refreshOnce(), this.clock.sleep(patienceMs, done.signal)]);
    done.abort();
    return await read();
  }

  private refreshOnce(): Promise<void> {
    this.refreshing ??= this.refreshNow();
    return this.refreshing;
  }

  private async refreshNow(): Promise<void> {
    try {
      await this.refresh();
      this.refreshedAt = this.clock.now();
    } catch (thrown) {
      this.telemetry.log.debug({ code: RelearnError.from(thrown).code }, 'some gauges are as they were');
    } finally {
      this.refreshing = undefined;
    }
  }
}
