import type { Bus, PartitionBounds, StoredRecord } from '@relearn/bus';
import { decodeEvent, type LoggedEvent, type Topic } from '@relearn/contracts';
import type { Clock } from '@relearn/kernel';
import { placed } from '../placed-event.js';
import { Sequences } from '../sequences.js';

const limits = { maxRecords: 200, maxBytes: 2 * 1024 * 1024 };
const sliceMs = 4;

/** Lets other work run when this one has had the thread for some time. */
export function breathing(clock: Clock): () => Promise<void> {
  let since = clock.now();
  return async () => {
    if (clock.now() - since < sliceMs) return;
    await clock.breathe();
    since = clock.now();
  };
}

/** Records of a partition within the bounds, in order. */
export async function* recordsOf(
  bus: Bus,
  topic: Topic,
  partition: number,
  { first, end }: PartitionBounds,
): AsyncGenerator<StoredRecord> {
  for (let position = first; position < end; ) {
    const records = await bus.read(topic, partition, position, limits);
    if (records.length === 0) return;
    for (const record of records) {
      position = record.position + 1;
      if (record.position >= end) return;
      yield record;
    }
  }
}

/** Events of a partition, each once by the sequence rule; what is no event is passed over, as its readers do. */
export async function* eventsOnce(
  bus: Bus,
  topic: Topic,
  partition: number,
  bounds: PartitionBounds,
): AsyncGenerator<LoggedEvent & { readonly appendedAt: number }> {
  const sequences = new Sequences();
  for await (const record of recordsOf(bus, topic, partition, bounds)) {
    const event = eventIn(record);
    if (event === null || sequences.judge(event).kind === 'skip') continue;
    sequences.advance(event);
    yield Object.assign(placed(record, event), { appendedAt: record.appendedAt });
  }
}

function eventIn(record: StoredRecord) {
  try {
    return decodeEvent(record);
  } catch {
    return null;
  }
}
