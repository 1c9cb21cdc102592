import { clockCollection, type Ports } from '@relearn/runtime';
import { farthestAhead } from '../domain/door.js';

/** The latest time (ms) that a record of the pipeline may have; infinite where its business time is replayed. */
export async function latestTime(ports: Ports, pipeline: string): Promise<number> {
  const replayed = (await ports.store.get(clockCollection, pipeline)) !== null;
  return replayed ? Number.POSITIVE_INFINITY : ports.kernel.clock.wall() + farthestAhead;
}
