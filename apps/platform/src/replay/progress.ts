import { type Ports, setBusinessNow } from '@relearn/runtime';

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

/** What a replay's clock marker carries as its subject, so that the log tells how far it has come. */
export function markOf({ input, position }: Pick<ReplayProgress, 'input' | 'position'>): string {
  return `replay/${input}/${position}`;
}

const limits = { maxRecords: 500, maxBytes: 4 * 1024 * 1024 };

/** Makes clocks and progress of replays anew from the marks in `data.raw`, as far back as it is kept. */
export async function restoreReplays(ports: Ports): Promise<void> {
  const latest = new Map<string, ReplayProgress>();
  for (const [partition, { first, end }] of (await ports.bus.bounds('data.raw')).entries()) {
    for (let next = first; next < end; ) {
      const records = await ports.bus.read('data.raw', partition, next, limits);
      if (records.length === 0) break;
      for (const { headers, position } of records) {
        next = position + 1;
        const [kind, input = '', at = '0'] = (headers['ce_subject'] ?? '').split('/');
        const { ce_pipeline: pipeline = '', ce_time: time = '' } = headers;
        if (kind !== 'replay') continue;
        const progress = { input, position: Number(at), now: Date.parse(time) };
        if (progress.now >= (latest.get(pipeline)?.now ?? 0)) latest.set(pipeline, progress);
      }
      await ports.kernel.clock.breathe();
    }
  }
  for (const [pipeline, progress] of latest) {
    await setBusinessNow(ports, pipeline, progress.now);
    await writeProgress(ports, pipeline, progress);
  }
}
