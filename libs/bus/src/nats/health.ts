import type { Clock, RelearnError, Timer } from '@relearn/kernel';

/** Whether the bus can be used: for `/readyz` and the log. */
export interface BusState {
  readonly available: boolean;
  /** What is wrong, or that it is well again. */
  readonly message: string;
}

export type OnState = (state: BusState) => void;

const reminderMs = 60_000;

/** Tells of each change, and once a minute that it still is away. */
export class Health {
  private readonly clock: Clock;
  private readonly onState: OnState;
  private failure: RelearnError | undefined;
  private since = 0;
  private reminder: Timer | undefined;

  constructor(clock: Clock, onState: OnState) {
    this.clock = clock;
    this.onState = onState;
  }

  get current(): RelearnError | null {
    return this.failure ?? null;
  }

  failed(error: RelearnError): void {
    const known = this.failure !== undefined;
    this.failure = error;
    if (known) return;
    this.since = this.clock.now();
    this.tell();
  }

  worked(): void {
    if (this.failure === undefined) return;
    this.stop();
    const seconds = Math.round((this.clock.now() - this.since) / 1000);
    this.onState({ available: true, message: `the bus is back after ${seconds} s` });
  }

  stop(): void {
    this.reminder?.cancel();
    this.failure = undefined;
  }

  private tell(): void {
    if (this.failure === undefined) return;
    const seconds = Math.round((this.clock.now() - this.since) / 1000);
    this.onState({ available: false, message: `${this.failure.message} (away for ${seconds} s)` });
    this.reminder = this.clock.after(reminderMs, () => this.tell());
  }
}
