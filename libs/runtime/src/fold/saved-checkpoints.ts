import type { Blobs } from '@relearn/blobs';
import { type Attributes, checkpointSaved, type DataOf, type Event, topics } from '@relearn/contracts';
import { canonicalJson, formatTimestamp } from '@relearn/kernel';
import { recordOf } from '../emit.js';
import type { Ports } from '../ports.js';
import { checkpointId, type FoldedShard, type Saved } from './checkpoint.js';
import type { FoldDefinition } from './definition.js';

const text = new TextEncoder();
const utf8 = new TextDecoder();
/** Room for the saves of one epoch in a sequence: a later owner's are above all of an earlier one's. */
const perEpoch = 1_000_000;

/** The epoch of the owner that wrote the event. */
export function epochOfSaved(sequence: number): number {
  return Math.floor(sequence / perEpoch);
}

/** The events of a shard that name its saved checkpoints. They belong to no pipeline. */
export function savedSource(service: string, partition: number): string {
  return `checkpoints/${checkpointId(service, partition)}`;
}

/** Machine time after which a shard saves its checkpoint in the log: a quarter of what its topics are kept for. */
export function saveEveryMs({ topics: read }: Pick<FoldDefinition<unknown>, 'topics'>): number {
  return Math.min(...read.map((topic) => topics[topic].retentionMs ?? Number.POSITIVE_INFINITY)) / 4;
}

/** Writes the checkpoint as a blob and names it in the log. Its parts must be durable. */
export async function saveCheckpoint(
  { bus, blobs, kernel }: Pick<Ports, 'bus' | 'blobs' | 'kernel'>,
  { service, partition, epoch }: Omit<DataOf<typeof checkpointSaved>, 'blob'>,
  folded: FoldedShard,
  before: Saved,
): Promise<Saved> {
  const at = kernel.clock.wall();
  const blob = await blobs.put(text.encode(canonicalJson({ owner: checkpointId(service, partition), ...folded })));
  const source = savedSource(service, partition);
  const sequence = Math.max(before.sequence, epoch * perEpoch) + 1;
  const event: Event = {
    id: `${source}@${sequence}`,
    source,
    type: checkpointSaved.type,
    sequence,
    // Each stands for itself: one that was not written is not missing.
    previous: null,
    time: formatTimestamp(at),
    pipeline: '*',
    pipelineversion: 0,
    data: { service, partition, epoch, blob },
  };
  await bus.publish([recordOf(event, checkpointSaved.topic, partition)]);
  return { sequence, at, blob };
}

/** Throws NOT_FOUND and what else the blobs throw. */
export async function readSaved(blobs: Blobs, blob: string): Promise<FoldedShard> {
  const { owner: _, ...folded } = JSON.parse(utf8.decode(await blobs.get(blob))) as FoldedShard & { owner: string };
  return folded;
}

/** Whether the event names a saved checkpoint of a fold's shard. */
export function isSavedShard(event: Attributes): boolean {
  return event.type === checkpointSaved.type && event.source.startsWith('checkpoints/');
}
