import { checkpointSaved, type Event } from '@relearn/contracts';
import { canonicalJson, RelearnError } from '@relearn/kernel';
import { saveEveryMs } from '../fold/saved-checkpoints.js';
import type { Ports } from '../ports.js';
import { type AggregateDocument, type FoldedAggregate, foldedOf } from './aggregate.js';
import { type Decider, own, type OwnEvent } from './definition.js';

const text = new TextEncoder();
const utf8 = new TextDecoder();

/**
 * The aggregate's checkpoint as an own event, so that it has a place among the others: due when a quarter of the time has
 * gone by for which the decider's topics are kept. Null: not yet. The blob is written.
 */
export async function savedIfDue(
  { blobs, kernel }: Pick<Ports, 'blobs' | 'kernel'>,
  decider: Pick<Decider<unknown>, 'service' | 'topics'>,
  document: AggregateDocument,
  pipelineVersion: number,
): Promise<OwnEvent | null> {
  const { savedAt, partition } = document;
  if (savedAt === undefined || kernel.clock.wall() - savedAt <= saveEveryMs(decider)) return null;
  const blob = await blobs.put(text.encode(canonicalJson(foldedOf(document))));
  return own({
    type: checkpointSaved,
    data: { service: decider.service, partition, epoch: 0, blob },
    pipelineVersion,
  });
}

/** The newest checkpoint among an aggregate's own events whose blob is there; null: none. */
export async function readSavedAggregate(
  { blobs }: Pick<Ports, 'blobs'>,
  events: readonly Event[],
): Promise<FoldedAggregate | null> {
  const saved = events.filter((event) => checkpointSaved.is(event)).toSorted((a, b) => b.sequence - a.sequence);
  for (const event of saved) {
    const { blob } = checkpointSaved.read(event).data;
    try {
      return JSON.parse(utf8.decode(await blobs.get(blob))) as FoldedAggregate;
    } catch (thrown) {
      if (RelearnError.from(thrown).code !== 'NOT_FOUND') throw thrown;
    }
  }
  return null;
}
