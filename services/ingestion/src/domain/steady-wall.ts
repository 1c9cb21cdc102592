import type { BusinessMs, Clock, MachineMs } from '@relearn/kernel';

/** Wall time may run so far from the monotonic clock between two looks: clocks are slewed all the time. */
const slewMs = 2_000;
/** A step of the wall clock is believed once it has stood for so long: a wrong one is set right before. */
const believedAfterMs = 60_000;

/**
 * Wall time that does not follow a step of the machine's clock at once. Time that is told to a pipeline cannot be taken
 * back: an hour too far, and all rows of that hour are late.
 */
export class SteadyWall {
  private readonly clock: Clock;
  private offset: number | undefined;
  private stepped: { readonly offset: number; readonly since: MachineMs } | undefined;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  now(): BusinessMs {
    const at = this.clock.now();
    const seen = this.clock.wall() - at;
    if (this.offset === undefined || Math.abs(seen - this.offset) <= slewMs) return this.follow(seen, at);
    if (this.stepped === undefined || Math.abs(seen - this.stepped.offset) > slewMs) {
      this.stepped = { offset: seen, since: at };
    }
    if (at - this.stepped.since >= believedAfterMs) return this.follow(seen, at);
    return at + this.offset;
  }

  private follow(offset: number, at: MachineMs): BusinessMs {
    this.offset = offset;
    this.stepped = undefined;
    return at + offset;
  }
}
