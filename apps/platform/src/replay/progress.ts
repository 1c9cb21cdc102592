import type { Ports } from '@relearn/runtime';

export const replayCollection = 'replays';

/** How far a replay has come; durable, so that a restart goes on in it. */
export interface ReplayProgress {
  /** Digest of the pipeline and of the data files. */
  readonly input: string;
  /** Records written. */
  readonly position: number;
  /** Business time reached, ms. */
  readonly now: number;
}

export async function readProgress(ports: Ports, pipeline: string): Promise<ReplayProgress | null> {
  const document = await ports.store.get(replayCollection, pipeline);
  return document === null ? null : (document.body as unknown as ReplayProgress);
}

export async function writeProgress(ports: Ports, pipeline: string, progress: ReplayProgress): Promise<void> {
  await ports.store.put(replayCollection, pipeline, { ...progress });
}
