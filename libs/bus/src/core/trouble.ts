import type { Clock, RelearnError, Timer } from '@relearn/kernel';

const everyMs = 60_000;

/**
 * What keeps the bus from working, by the part that has the trouble. Whoever listens is told when it begins and once a minute
 * while it lasts.
 */
export class Trouble {
  private readonly clock: Clock;
  private readonly tell: (error: RelearnError) => void;
  private readonly errors = new Map<string, RelearnError>();
  private timer: Timer | undefined;
  private toldAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, tell: (error: RelearnError) => void) {
    this.clock = clock;
    this.tell = tell;
  }

  get(): RelearnError | null {
    return this.errors.values().next().value ?? null;
  }

  report(part: string, error: RelearnError): void {
    this.errors.set(part, error);
    this.arm();
  }

  clear(part: string): void {
    this.errors.delete(part);
    if (this.errors.size === 0) this.stop();
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** A moment of trouble that mends itself at the next attempt is not worth a line. */
  private arm(): void {
    const quietMs = Math.max(1_000, this.toldAt + everyMs - this.clock.now());
    this.timer ??= this.clock.after(quietMs, () => {
      this.timer = undefined;
      const error = this.get();
      if (error === null) return;
      this.toldAt = this.clock.now();
      this.tell(error);
      this.arm();
    });
  }
}
