import { RelearnError } from '@relearn/kernel';
import { maxRecordBytes, type OutgoingRecord, type StoredRecord, type TopicSpec } from '../port.js';
import type { LogEntry } from './log.js';

type Head = readonly [key: string | null, headers: Readonly<Record<string, string>>];

/** Key and headers as JSON: one text column, whatever characters they hold. */
export function encodeHead(record: OutgoingRecord): string {
  const head: Head = [record.key, record.headers];
  return JSON.stringify(head);
}

/** Bytes of a record as the limits count them: key and headers as JSON in UTF-8, and the value. */
export function recordBytes(head: string, value: Uint8Array): number {
  return Buffer.byteLength(head) + value.byteLength;
}

export function refuseTooLarge(record: OutgoingRecord, bytes: number): void {
  if (bytes <= maxRecordBytes) return;
  throw new RelearnError(
    'TOO_LARGE',
    `a record of ${bytes} bytes for ${record.topic}/${record.partition}; the limit is ${maxRecordBytes}`,
    { place: { field: 'value' } },
  );
}

/** Entries that are still in memory are read by every group of their topic: decoded once. */
const decoded = new WeakMap<LogEntry, StoredRecord>();

export function decodeRecord(topic: string, partition: number, entry: LogEntry): StoredRecord {
  const known = decoded.get(entry);
  if (known !== undefined) return known;
  const { position, appendedAt, value } = entry;
  const [key, headers] = JSON.parse(entry.head) as Head;
  const record: StoredRecord = { topic, partition, position, appendedAt, key, headers, value };
  decoded.set(entry, record);
  return record;
}

const topicName = /^[A-Za-z0-9._-]{1,249}$/;
const mostPartitions = 1_024;

/** Throws INVALID_INPUT for a name or a number that not every bus could keep. */
export function checkTopic({ name, partitions, retentionMs }: TopicSpec): void {
  if (!topicName.test(name)) {
    throw new RelearnError('INVALID_INPUT', `topic name '${name}'`, {
      remedy: 'Use 1 to 249 letters, digits, dots, dashes and underscores.',
    });
  }
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > mostPartitions) {
    throw new RelearnError('INVALID_INPUT', `topic ${name} with ${partitions} partitions`, {
      remedy: `Use 1 to ${mostPartitions} partitions.`,
    });
  }
  if (retentionMs !== null && !(retentionMs >= 0)) {
    throw new RelearnError('INVALID_INPUT', `topic ${name} with a retention of ${retentionMs} ms`);
  }
}
