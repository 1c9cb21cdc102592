import { leaseCollection } from '@relearn/runtime';
import type { Json, Store } from '@relearn/store';
import type { Scheduler } from './scheduler.js';

/** A lease that has not been moved for so long is anybody's, ms. */
const durationMs = 3_000;

interface Move {
  readonly owner: string;
  readonly at: number;
}

/** Sees who writes leases, and who takes one while its owner keeps it alive: two then do the same work. */
export class LeaseWatch {
  readonly wrong: string[] = [];
  private readonly scheduler: Scheduler;
  private readonly last = new Map<string, Move>();

  constructor(scheduler: Scheduler) {
    this.scheduler = scheduler;
  }

  /** The store, watched in the hands of a process. */
  watched(store: Store, process: string): Store {
    return {
      ...store,
      create: async (collection, id, body) => {
        const written = await store.create(collection, id, body);
        if (collection === leaseCollection) this.moved(id, process, body);
        return written;
      },
      replace: async (collection, id, version, body) => {
        const written = await store.replace(collection, id, version, body);
        if (collection === leaseCollection) this.moved(id, process, body);
        return written;
      },
      remove: async (collection, id) => {
        await store.remove(collection, id);
        // Who removes another's lease has not given it back: its owner goes on with the work.
        if (collection === leaseCollection && this.last.get(id)?.owner === process) this.last.delete(id);
      },
    };
  }

  private moved(id: string, owner: string, body: Json): void {
    const { now } = this.scheduler;
    const before = this.last.get(id);
    if (isGivenBack(body)) this.last.delete(id);
    else this.last.set(id, { owner, at: now });
    if (before === undefined || before.owner === owner || now - before.at >= durationMs) return;
    const ago = (now - before.at).toFixed(0);
    this.wrong.push(`${owner} took the lease of ${id}, which ${before.owner} had moved ${ago} ms before`);
  }
}

function isGivenBack(body: Json): boolean {
  return typeof body === 'object' && body !== null && 'owner' in body && body.owner === '';
}
