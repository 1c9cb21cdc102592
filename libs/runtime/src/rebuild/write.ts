import type { Json, Store } from '@relearn/store';
import { encodeAggregate } from '../decider/aggregate.js';
import { aggregateCollection } from '../decider/host.js';
import { leaseCollection } from '../decider/lease.js';
import { checkpointCollection, checkpointId } from '../fold/checkpoint.js';
import { epochOfSaved } from '../fold/saved-checkpoints.js';
import { listAll, type Stored } from './state.js';

/** Makes the store's documents those of the rebuilt state, and leaves no others of theirs. */
export async function writeRebuilt(store: Store, { checkpoints, aggregates }: Stored): Promise<void> {
  const before = new Map((await listAll(store, checkpointCollection)).map(({ id, body }) => [id, epochOf(body)]));
  const shards = new Map<string, Json>();
  for (const [service, byPartition] of checkpoints) {
    for (const [partition, checkpoint] of byPartition) {
      const id = checkpointId(service, partition);
      // An owner of before stays fenced, and saves of this one come after those of all others.
      const epoch = Math.max(before.get(id) ?? 0, epochOfSaved(checkpoint.saved.sequence));
      shards.set(id, { ...checkpoint, epoch } as unknown as Json);
    }
  }
  await replaceAll(store, checkpointCollection, shards);
  for (const [service, documents] of aggregates) {
    const bodies = new Map([...documents].map(([id, document]) => [id, encodeAggregate(document)]));
    await replaceAll(store, aggregateCollection(service), bodies);
  }
  await replaceAll(store, leaseCollection, new Map());
}

function epochOf(body: Json): number {
  return (body as unknown as { epoch?: number }).epoch ?? 0;
}

async function replaceAll(store: Store, collection: string, bodies: ReadonlyMap<string, Json>): Promise<void> {
  for (const { id } of await listAll(store, collection)) if (!bodies.has(id)) await store.remove(collection, id);
  for (const [id, body] of bodies) await store.put(collection, id, body);
}
