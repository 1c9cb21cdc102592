import type { Topic } from '@relearn/contracts';
import { listCheckpoints, type Ports } from '@relearn/runtime';

/** What each fold reads. */
export const foldTopics = {
  validation: ['data.raw'],
  feature: ['data.valid'],
  serving: ['features'],
  monitoring: ['data.valid', 'predictions'],
} as const satisfies Readonly<Record<string, readonly Topic[]>>;

export type Fold = keyof typeof foldTopics;

export const folds = Object.keys(foldTopics) as readonly Fold[];

export interface FoldLag {
  readonly service: Fold;
  readonly topic: Topic;
  /** Records beyond the checkpoints of its shards. */
  readonly records: number;
}

/** How far the checkpoints of these folds are behind the log, whichever processes they run in. */
export async function lagOf({ bus, store }: Ports, services: readonly Fold[] = folds): Promise<FoldLag[]> {
  const topics = [...new Set(services.flatMap((service) => foldTopics[service] as readonly Topic[]))];
  // Where the log ends is asked first: what comes meanwhile is not counted as lag.
  const ends = new Map(await Promise.all(topics.map(async (topic) => [topic, await bus.bounds(topic)] as const)));
  const lags = services.map(async (service): Promise<FoldLag[]> => {
    const checkpoints = await listCheckpoints(store, service);
    return foldTopics[service].map((topic) => {
      const behind = (ends.get(topic) ?? []).map(({ first, end }, partition) =>
        Math.max(0, end - Math.max(first, checkpoints.get(partition)?.positions[topic] ?? 0)),
      );
      return { service, topic, records: behind.reduce((sum, records) => sum + records, 0) };
    });
  });
  return (await Promise.all(lags)).flat();
}
