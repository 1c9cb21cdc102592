import { RelearnError, type Timer } from '@relearn/kernel';
import type { Ports } from '../ports.js';
import type { TimerOrder } from './definition.js';

/** After this time a timer whose event could not be written goes off again. */
const retryMs = 1_000;

/** The timers that aggregates' states hold. The state says whether one still counts when it goes off. */
export class AggregateTimers {
  private readonly ports: Pick<Ports, 'kernel' | 'telemetry'>;
  private readonly fire: (aggregate: string, timer: string) => Promise<void>;
  /** By `aggregate#timer`. */
  private readonly running = new Map<string, Timer>();
  private stopped = false;

  constructor(ports: Pick<Ports, 'kernel' | 'telemetry'>, fire: (aggregate: string, timer: string) => Promise<void>) {
    this.ports = ports;
    this.fire = fire;
  }

  /** Starts those of the aggregate that do not run yet, and cancels those that are not due any more. */
  keep(aggregate: string, due: readonly TimerOrder[]): void {
    const wanted = new Map(due.map(({ id, afterMs }) => [`${aggregate}#${id}`, { id, afterMs }]));
    for (const [key, { id, afterMs }] of wanted) if (!this.running.has(key)) this.start(aggregate, id, afterMs);
    for (const [key, timer] of this.running) {
      if (!key.startsWith(`${aggregate}#`) || wanted.has(key)) continue;
      timer.cancel();
      this.running.delete(key);
    }
  }

  stop(): void {
    this.stopped = true;
    for (const timer of this.running.values()) timer.cancel();
    this.running.clear();
  }

  private start(aggregate: string, id: string, afterMs: number): void {
    const key = `${aggregate}#${id}`;
    const { kernel, telemetry } = this.ports;
    const goOff = () => {
      this.running.delete(key);
      this.fire(aggregate, id).catch((thrown: unknown) => {
        telemetry.log.error({ aggregate, timer: id }, RelearnError.from(thrown).describe());
        if (!this.stopped) this.start(aggregate, id, retryMs);
      });
    };
    this.running.set(key, kernel.clock.after(afterMs, goOff));
  }
}
