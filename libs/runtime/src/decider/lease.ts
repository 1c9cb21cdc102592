import type { Document, Json, Store } from '@relearn/store';
import { type Clock, RelearnError } from '@relearn/kernel';

interface LeaseBody {
  /** `nobody`: it was given back, and the job has not ended. */
  readonly owner: string;
  /** Moves while the owner lives. */
  readonly counter: number;
  /** Grows with each owner: a result is taken only under the fence in force. */
  readonly fence: number;
}

export const leaseCollection = 'leases';
const heartbeatMs = 500;
const durationMs = 3_000;
const nobody = '';

function decode(body: Json): LeaseBody {
  return body as unknown as LeaseBody;
}

function encode(body: LeaseBody): Json {
  return body as unknown as Json;
}

export interface LeaseOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly owner: string;
  /** Only one process can use the store: another owner's lease is a dead process's. */
  readonly exclusive: boolean;
}

/** A lease on one job. It is taken over when its counter has not moved for its duration on the taker's own monotonic clock. */
export class Lease {
  private readonly options: LeaseOptions;
  private readonly id: string;
  private version: number;
  private body: LeaseBody;
  /** Moves that failed and may still come about. */
  private unsure = 0;
  private beating: Promise<void> = Promise.resolve();
  private readonly stopped = new AbortController();
  private readonly lost = new AbortController();

  private constructor(options: LeaseOptions, id: string, version: number, body: LeaseBody) {
    this.options = options;
    this.id = id;
    this.version = version;
    this.body = body;
  }

  /** Waits while another owner keeps it alive; null when the signal aborts first. */
  static async acquire(options: LeaseOptions, id: string, signal: AbortSignal): Promise<Lease | null> {
    const { store, clock, owner, exclusive } = options;
    let seen = { counter: -1, since: clock.now() };
    while (!signal.aborted) {
      const found = await store.get(leaseCollection, id);
      if (found === null) {
        const body = { owner, counter: 0, fence: 1 };
        const created = await unlessTaken(() => store.create(leaseCollection, id, encode(body)));
        if (created !== null) return new Lease(options, id, created.version, body).beat();
        continue;
      }
      const held = decode(found.body);
      if (held.counter !== seen.counter) seen = { counter: held.counter, since: clock.now() };
      if (exclusive || held.owner === owner || held.owner === nobody || clock.now() - seen.since >= durationMs) {
        const body = { owner, counter: held.counter + 1, fence: held.fence + 1 };
        const taken = await unlessTaken(() => store.replace(leaseCollection, id, found.version, encode(body)));
        if (taken !== null) return new Lease(options, id, taken.version, body).beat();
        continue;
      }
      await clock.sleep(heartbeatMs, signal);
    }
    return null;
  }

  /** Aborts when another owner has taken the lease. */
  get lostSignal(): AbortSignal {
    return this.lost.signal;
  }

  /** Throws FENCED unless the lease is still ours in the store. */
  async check(): Promise<void> {
    if ((await this.ours()) === null) throw new RelearnError('FENCED', `the lease of ${this.id} has been taken over`);
  }

  /**
   * Ends the heartbeat; what is still ours is free for whoever comes next. The document of a job that has not ended stays, so
   * that no later owner has the fence of an earlier one, and whoever was stopped here removes nobody else's. It stays also
   * where a move may still come about: a new document's versions begin as this one's did, and the move would take it.
   */
  async release(ended: boolean): Promise<void> {
    this.stopped.abort();
    await this.beating;
    const { store } = this.options;
    const ours = await this.ours();
    if (ours === null) return;
    this.meet(ours);
    if (ended && this.unsure === 0) return await store.remove(leaseCollection, this.id);
    const free = encode({ ...decode(ours.body), owner: nobody });
    await unlessTaken(() => store.replace(leaseCollection, this.id, ours.version, free));
  }

  /** The stored lease; null when it is not ours any more. */
  private async ours(): Promise<Document | null> {
    const found = await this.options.store.get(leaseCollection, this.id);
    return found !== null && decode(found.body).fence === this.body.fence ? found : null;
  }

  /** A move whose answer was lost looks as if another had taken the lease. True too where that cannot be told now. */
  private async movedAlready(): Promise<boolean> {
    try {
      const found = await this.ours();
      if (found === null) return false;
      this.meet(found);
      this.body = decode(found.body);
      return true;
    } catch {
      // The next move meets what there is.
      return true;
    }
  }

  /** Ours alone moves it: as far as it is further on than known, moves that had failed have come about. */
  private meet({ version }: Document): void {
    this.unsure = Math.max(0, this.unsure - (version - this.version));
    this.version = version;
  }

  private beat(): this {
    this.beating = this.heartbeat();
    return this;
  }

  private async heartbeat(): Promise<void> {
    const { store, clock } = this.options;
    const { signal } = this.stopped;
    for (;;) {
      await clock.sleep(heartbeatMs, signal);
      if (signal.aborted) return;
      const next = { ...this.body, counter: this.body.counter + 1 };
      try {
        this.version = (await store.replace(leaseCollection, this.id, this.version, encode(next))).version;
        this.body = next;
      } catch (thrown) {
        const taken = takenCodes.has(RelearnError.from(thrown).code);
        if (!taken) this.unsure += 1;
        if (!taken || (await this.movedAlready())) continue;
        this.lost.abort();
        return;
      }
    }
  }
}

/** What a write meets where another has taken the lease, or has ended its job. */
const takenCodes: ReadonlySet<string> = new Set(['CONFLICT', 'ALREADY_EXISTS', 'NOT_FOUND']);

async function unlessTaken<T>(write: () => Promise<T>): Promise<T | null> {
  try {
    return await write();
  } catch (thrown) {
    if (takenCodes.has(RelearnError.from(thrown).code)) return null;
    throw thrown;
  }
}
