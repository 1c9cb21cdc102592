import type { Bus, PartitionBounds, StoredRecord } from '@relearn/bus';
import { decodeAttributes, decodeEvent, type LoggedEvent, type Topic } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import { isReplayed, recordsIn, rowAddressesOf, Sequences, type Verdict } from '@relearn/runtime';
import type { Breath, LoggedAttributes, RecordPlace } from './invariant.js';

export interface LogRange {
  readonly topic: Topic;
  readonly partition: number;
  readonly bounds: PartitionBounds;
}

/** A record and, where it is a readable event, what the sequence rule says of it. */
export interface JudgedRecord {
  readonly place: RecordPlace;
  /** Why it is no readable event. */
  readonly unreadable: string | null;
  readonly attributes: LoggedAttributes | null;
  readonly verdict: Verdict;
  /** Where its data was wanted. */
  readonly event: LoggedEvent | null;
}

const limits = { maxRecords: 100, maxBytes: 2 * 1024 * 1024 };

/** Reads a partition within its bounds, record by record, letting others run in between. Throws what the bus throws. */
export async function* readLog(
  bus: Bus,
  { topic, partition, bounds }: LogRange,
  wanted: boolean,
  breath: Breath,
): AsyncGenerator<JudgedRecord> {
  const sequences = new Sequences();
  let position = bounds.first;
  while (position < bounds.end) {
    const records = await bus.read(topic, partition, position, limits);
    if (records.length === 0) return;
    for (const record of records) {
      position = record.position + 1;
      if (record.position >= bounds.end) return;
      yield judged(record, topic, wanted, sequences);
      await breath();
    }
  }
}

function judged(record: StoredRecord, topic: Topic, wanted: boolean, sequences: Sequences): JudgedRecord {
  const { partition, position, headers } = record;
  const pipeline = headers['ce_pipeline'] ?? record.key ?? '*';
  const place = { topic, partition, position, pipeline, records: recordsIn(record), replayed: isReplayed(record) };
  try {
    const decoded = wanted ? decodeEvent(record) : { ...decodeAttributes(headers), data: null };
    const event = { ...decoded, topic, partition, position };
    const verdict = verdictOf(event, topic, sequences);
    if (verdict.kind !== 'skip') sequences.advance(event);
    return { place, unreadable: null, attributes: event, verdict, event: wanted ? event : null };
  } catch (thrown) {
    const unreadable = RelearnError.from(thrown).message;
    return { place, unreadable, attributes: null, verdict: { kind: 'skip' }, event: null };
  }
}

/** Raw records are deduplicated by their ids: a second copy of a raw event is received again. */
function verdictOf(event: LoggedEvent, topic: Topic, sequences: Sequences): Verdict {
  return topic === 'data.raw' ? { kind: 'apply', fromRow: 0 } : sequences.judge(event, rowAddressesOf(event));
}
