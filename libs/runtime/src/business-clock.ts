import type { Ports } from './ports.js';

export const clockCollection = 'clocks';

/**
 * A pipeline's business time in ms: the machine's wall time, unless its data is replayed; then the time that the replay
 * has reached, which is durable, so that a restart goes on in it.
 */
export async function businessNow(ports: Ports, pipeline: string): Promise<number> {
  const document = await ports.store.get(clockCollection, pipeline);
  const body = document?.body;
  if (body !== null && typeof body === 'object' && 'now' in body && typeof body.now === 'number') return body.now;
  return ports.kernel.clock.wall();
}

export async function setBusinessNow(ports: Ports, pipeline: string, now: number): Promise<void> {
  await ports.store.put(clockCollection, pipeline, { now });
}
