import type { Position, StoredRecord } from '../port.js';

/** A record and its bytes as the limits count them. */
export interface Entry {
  readonly record: StoredRecord;
  readonly bytes: number;
}

export interface KafkaMessage {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | readonly Buffer[]>>;
  readonly isControlRecord: boolean;
}

export interface Chunk {
  readonly entries: readonly Entry[];
  /** Where the next fetch begins: above all that was in the answer, also what is no record of ours. */
  readonly next: Position;
  /** Above the newest record of the partition. */
  readonly end: Position;
}

/** Decodes an answer of a fetch from the position on; Kafka answers whole batches, which may begin before it. */
export function decodeChunk(
  topic: string,
  partition: number,
  from: Position,
  highWatermark: string,
  messages: readonly KafkaMessage[],
): Chunk {
  const entries: Entry[] = [];
  let next = from;
  for (const message of messages) {
    const position = Number(message.offset);
    if (position < from) continue;
    next = position + 1;
    if (!message.isControlRecord) entries.push(decodeEntry(topic, partition, position, message));
  }
  return { entries, next, end: Number(highWatermark) };
}

function decodeEntry(topic: string, partition: number, position: Position, message: KafkaMessage): Entry {
  const value = message.value ?? new Uint8Array();
  const key = message.key === null ? null : message.key.toString('utf8');
  let bytes = value.byteLength + (message.key?.byteLength ?? 0);
  const pairs = Object.entries(message.headers).map(([name, given]) => {
    // Kafka allows several headers of a name; ours are one each.
    const one = Array.isArray(given) ? given.at(-1) : given;
    const text = Buffer.isBuffer(one) ? one.toString('utf8') : '';
    bytes += name.length + (Buffer.isBuffer(one) ? one.byteLength : 0);
    return [name, text] as const;
  });
  const headers = Object.fromEntries(pairs);
  const appendedAt = Number(message.timestamp);
  return { record: { topic, partition, position, appendedAt, key, headers, value }, bytes };
}

/** From the position on as many as the limits allow, one at least if there is one; `entries` are in their order. */
export function cut(
  entries: readonly Entry[],
  from: Position,
  { maxRecords, maxBytes }: { readonly maxRecords: number; readonly maxBytes: number },
): StoredRecord[] {
  const records: StoredRecord[] = [];
  let sum = 0;
  for (let index = firstAt(entries, from); index < entries.length && records.length < maxRecords; index++) {
    const entry = entries[index];
    if (entry === undefined) break;
    sum += entry.bytes;
    if (sum > maxBytes && records.length > 0) break;
    records.push(entry.record);
  }
  return records;
}

/** Index of the first entry at or above the position. */
export function firstAt(entries: readonly Entry[], from: Position): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle]?.record.position ?? 0) >= from) high = middle;
    else low = middle + 1;
  }
  return low;
}
