import { type Kernel, RelearnError, retry } from '@relearn/kernel';
import type { Store } from '@relearn/store';
import type { Position, SubscribeOptions } from '../../port.js';
import type { Holder, NatsReader } from '../reader.js';
import { Committed, NewerFence } from './committed.js';

export interface HoldingOptions {
  readonly kernel: Kernel;
  readonly store: Store;
  /** The id of the document with what is committed. */
  readonly document: string;
  readonly partition: number;
  readonly epoch: number;
  readonly subscription: SubscribeOptions;
  readonly open: (from: (topic: string) => Position, holder: Holder) => readonly NatsReader[];
  readonly sure: Holder['sure'];
  /** The drain has ended, or the fence was found to be another's. */
  readonly onChange: (holding: Holding) => void;
  readonly onFailure: (thrown: unknown) => void;
}

/**
 * A partition in a member's hands: taken, held, drained. A lost one is somebody else's already: its readers are FENCED at once
 * and it only waits for its drain.
 */
export class Holding {
  readonly partition: number;
  readonly epoch: number;
  private readonly options: HoldingOptions;
  private readonly gone = new AbortController();
  private committed: Committed | undefined;
  private readers: readonly NatsReader[] = [];
  private draining: Promise<void> | undefined;
  private assigned = false;
  /** Resolves when its readers are handed over, or when it is not to be had. */
  taking: Promise<void> = Promise.resolve();
  /** A greater epoch than its own that was found; 0 for none. */
  newerFence = 0;
  drained = false;

  constructor(options: HoldingOptions) {
    this.partition = options.partition;
    this.epoch = options.epoch;
    this.options = options;
  }

  begin(): void {
    this.taking = this.take();
  }

  /** Lets the consumer end what it began; after that the partition may be given to another. */
  drain(): Promise<void> {
    this.draining ??= this.letGo();
    return this.draining;
  }

  /** It is another's already. */
  lose(): Promise<void> {
    for (const reader of this.readers) reader.revoke();
    return this.drain();
  }

  /** Fences the former owner and hands the readers over; keeps trying while the store is away. */
  private async take(): Promise<void> {
    const { kernel, store, document } = this.options;
    const { signal } = this.gone;
    try {
      const taking = { clock: kernel.clock, chance: kernel.chance, longestDelayMs: 1_000, signal };
      this.committed = await retry(taking, () => Committed.take(store, document, this.epoch));
    } catch (thrown) {
      if (thrown instanceof NewerFence) this.newerFence = thrown.fence;
      else if (!signal.aborted) this.options.onFailure(thrown);
      return this.drain();
    }
    if (this.draining === undefined) this.assign(this.committed);
  }

  private assign(committed: Committed): void {
    const holder: Holder = { sure: this.options.sure, commit: (topic, position) => this.commit(topic, position) };
    this.readers = this.options.open((topic) => committed.positionOf(topic), holder);
    this.assigned = true;
    try {
      this.options.subscription.onAssigned(this.partition, this.readers);
    } catch (thrown) {
      this.options.onFailure(thrown);
    }
  }

  private async letGo(): Promise<void> {
    this.gone.abort();
    try {
      if (this.assigned) await this.options.subscription.onRevoked(this.partition);
    } catch (thrown) {
      this.options.onFailure(thrown);
    }
    for (const reader of this.readers) reader.revoke();
    this.drained = true;
    this.options.onChange(this);
  }

  private async commit(topic: string, position: Position): Promise<void> {
    try {
      await this.committed?.commit(topic, position);
    } catch (thrown) {
      if (RelearnError.from(thrown).code === 'FENCED') void this.lose();
      throw thrown;
    }
  }
}
