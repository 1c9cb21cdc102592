import type { StoredRecord } from '@relearn/bus';
import { type DataOf, type deadLettered, deadLetterReplayed, decodeEvent, type Event } from '@relearn/contracts';
import type { Ports } from '../ports.js';

export type Replayed = Event<DataOf<typeof deadLetterReplayed>>;

/** Whether the record brings a dead letter back, by its headers alone. */
export function isReplayed(record: Pick<StoredRecord, 'headers'>): boolean {
  return record.headers['ce_type'] === deadLetterReplayed.type;
}

/** Throws INVALID_EVENT. */
export function replayedIn(record: StoredRecord): Replayed {
  return deadLetterReplayed.read(decodeEvent(record));
}

/** The record as it was, at the place of the one that brings it back. */
export async function originalOf(
  { blobs }: Pick<Ports, 'blobs'>,
  record: StoredRecord,
  { key, headers, value, blob }: DataOf<typeof deadLetterReplayed>,
): Promise<StoredRecord> {
  const bytes = blob === undefined ? Buffer.from(value, 'base64') : await blobs.get(blob);
  return { ...record, key, headers, value: bytes };
}

/** What a letter says of the record that it holds. */
export type Original = Pick<
  DataOf<typeof deadLettered>,
  'consumer' | 'topic' | 'partition' | 'position' | 'key' | 'headers' | 'value' | 'blob' | 'records' | 'fromRow'
>;

/** Bytes that, as base64 and with the headers twice, still fit one event; larger originals go to a blob. */
const mostInlineBytes = 320 * 1024;

/** The original in a record that a consumer puts aside; of a letter that comes back and fails again the first one. */
export async function originalIn(
  { blobs }: Pick<Ports, 'blobs'>,
  consumer: string,
  record: StoredRecord,
  fromRow: number,
): Promise<Original> {
  if (isReplayed(record)) {
    const { letter: _, ...first } = replayedIn(record).data;
    return first;
  }
  const { partition, position, key, headers, value } = record;
  const inline = value.byteLength <= mostInlineBytes;
  return {
    consumer,
    topic: record.topic as Original['topic'],
    partition,
    position,
    key,
    headers: { ...headers },
    ...(inline ? { value: Buffer.from(value).toString('base64') } : { value: '', blob: await blobs.put(value) }),
    records: recordsIn(record),
    fromRow,
  };
}

/** Data records that a record says it holds. */
export function recordsIn({ headers }: Pick<StoredRecord, 'headers'>): number {
  return Number(headers['ce_records'] ?? 1);
}
