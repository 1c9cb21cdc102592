import { fnv1a } from '@relearn/kernel';

const day = 86_400_000;

/** Topics and what they keep: `control` for ever, since all control state is folded from it; data topics their retention. */
export const topics = {
  'data.raw': { retentionMs: 7 * day },
  'data.valid': { retentionMs: 7 * day },
  'data.quarantine': { retentionMs: 30 * day },
  features: { retentionMs: 7 * day },
  control: { retentionMs: null },
  predictions: { retentionMs: 7 * day },
  monitoring: { retentionMs: 30 * day },
  'dead-letters': { retentionMs: 90 * day },
} as const satisfies Record<string, { retentionMs: number | null }>;

export type Topic = keyof typeof topics;

export const topicNames = Object.keys(topics) as Topic[];

/**
 * The partition of a pipeline's records: one for all of them, or one a value of the `shard_by` column.
 * Computed here and never by a driver, so that a row and its label meet in the same partition number of every topic.
 */
export function partitionFor(pipeline: string, partitions: number, shardValue?: string): number {
  return fnv1a(shardValue === undefined ? pipeline : `${pipeline}/${shardValue}`) % partitions;
}
