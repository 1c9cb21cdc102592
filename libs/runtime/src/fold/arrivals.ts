import type { PartitionReader, StoredRecord } from '@relearn/bus';
import { type Clock, RelearnError } from '@relearn/kernel';

const limits = { maxRecords: 64, maxBytes: 2 * 1024 * 1024 };

export interface Arrival {
  readonly records: readonly StoredRecord[];
  /** The records have been worked through: the reader goes on. */
  taken(): void;
}

/** What several readers bring, one batch of each in hand at most, in the order in which they come. */
export class Arrivals {
  private readonly clock: Clock;
  private readonly stopping = new AbortController();
  private readonly pumps: Promise<void>[];
  private waiting: Arrival[] = [];
  private readonly held = new Set<() => void>();
  private failure: RelearnError | undefined;
  private wake: () => void = () => undefined;

  constructor(readers: readonly PartitionReader[], clock: Clock) {
    this.clock = clock;
    this.pumps = readers.map((reader) => this.pump(reader));
  }

  /** The next batch; null when none has come within the time (null: however long), or after `stop`. Throws what a reader throws. */
  async next(withinMs: number | null): Promise<Arrival | null> {
    if (this.waiting.length === 0 && this.failure === undefined && !this.stopping.signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = withinMs === null ? undefined : this.clock.after(withinMs, resolve);
        this.wake = () => {
          timer?.cancel();
          resolve();
        };
      });
    }
    if (this.failure !== undefined) throw this.failure;
    return this.waiting.shift() ?? null;
  }

  /** Resolves when no reader is being read any more. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake();
    for (const release of this.held) release();
    this.waiting = [];
    await Promise.all(this.pumps);
  }

  private letGo(resolve: () => void): void {
    this.held.delete(resolve);
    resolve();
  }

  private async pump(reader: PartitionReader): Promise<void> {
    const { signal } = this.stopping;
    try {
      while (!signal.aborted) {
        const records = await reader.next(limits, signal);
        if (records.length === 0 || signal.aborted) continue;
        await new Promise<void>((resolve) => {
          this.held.add(resolve);
          this.waiting.push({ records, taken: () => this.letGo(resolve) });
          this.wake();
        });
      }
    } catch (thrown) {
      this.failure = RelearnError.from(thrown);
      this.wake();
    }
  }
}
