import type { Clock, Timer } from '@relearn/kernel';
import type { PartitionLog } from './partition-log.js';

export interface Expiring {
  readonly retentionMs: number | null;
  readonly logs: readonly PartitionLog[];
}

const roundMs = 3 * 60_000;
/** Records that one step removes, and the rest after it: other work of the storage runs between steps. */
const stepRecords = 100;
const restMs = 10;

/** Removes expired records, a round every few minutes. `onError` is told of rounds that failed; the next one tries again. */
export class Retention {
  private readonly clock: Clock;
  private readonly topics: () => Iterable<Expiring>;
  private readonly onError: (thrown: unknown) => void;
  private readonly stopping = new AbortController();
  private timer: Timer | undefined;
  private round: Promise<void> = Promise.resolve();

  constructor(clock: Clock, topics: () => Iterable<Expiring>, onError: (thrown: unknown) => void) {
    this.clock = clock;
    this.topics = topics;
    this.onError = onError;
  }

  start(): void {
    this.timer = this.clock.after(roundMs, () => {
      this.round = this.expireAll()
        .catch(this.onError)
        .then(() => {
          if (!this.stopping.signal.aborted) this.start();
        });
    });
  }

  /** Resolves when a running round has ended at its next step. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.timer?.cancel();
    await this.round;
  }

  private async expireAll(): Promise<void> {
    const now = this.clock.wall();
    const { signal } = this.stopping;
    const step = { records: stepRecords, signal, rest: () => this.clock.sleep(restMs, signal) };
    for (const { retentionMs, logs } of this.topics()) {
      if (retentionMs === null) continue;
      for (const log of logs) await log.expire(now - retentionMs, step);
    }
  }
}
