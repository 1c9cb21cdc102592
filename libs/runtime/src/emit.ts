import type { OutgoingRecord } from '@relearn/bus';
import { maxRecordBytes } from '@relearn/bus';
import {
  encodeEvent,
  type Event,
  type EventType,
  partitionFor,
  type Schema,
  type Static,
  type Topic,
} from '@relearn/contracts';
import { formatTimestamp, RelearnError } from '@relearn/kernel';
import { mostReferencedBytes } from './dataref.js';

/** An event that a handler wants published; the runtime numbers it and chooses its partition. */
export interface Emission<S extends Schema = Schema> {
  readonly type: EventType<S>;
  /** Where it goes, if not to the topic of its type. */
  readonly topic?: Topic;
  /** Beside those of the attributes. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly pipeline: string;
  readonly pipelineVersion: number;
  /** Name of the numbering stream. */
  readonly source: string;
  readonly sequence: number;
  /** Business time, ms. */
  readonly time: number;
  readonly data: Static<S>;
  readonly partition: number;
  readonly subject?: string;
  readonly causationId?: string;
  readonly correlationId?: string;
  /** For batches of rows: the part [from, to), so that one too large for the bus can be cut. */
  readonly rows?: { readonly count: number; slice(from: number, to: number): { data: Static<S>; sequence: number } };
}

export function emission<S extends Schema>(fields: Emission<S>): Emission {
  return fields as Emission;
}

/** The key that keeps a pipeline's control events in one order. */
export function controlPartition(pipeline: string, partitions: number): number {
  return partitionFor(pipeline, partitions);
}

export function eventOf(emitted: Emission, previous: number | null): Event {
  const { type, source, sequence, time, pipeline, pipelineVersion, subject, causationId, correlationId } = emitted;
  return {
    id: `${source}@${sequence}`,
    source,
    type: type.type,
    sequence,
    previous,
    time: formatTimestamp(time),
    pipeline,
    pipelineversion: pipelineVersion,
    ...(subject === undefined ? {} : { subject }),
    ...(causationId === undefined ? {} : { causationid: causationId }),
    ...(correlationId === undefined ? {} : { correlationid: correlationId }),
    data: emitted.data,
  };
}

export function recordOf(event: Event, topic: string, partition: number): OutgoingRecord {
  return { topic, partition, key: event.pipeline, ...encodeEvent(event) };
}

/** Data of a batch that stands in its record; headers and key have their place beside it. */
const mostBatchBytes = maxRecordBytes - 16 * 1024;

/**
 * The emission's records; a batch is cut into equal parts until each fits one. `last` maps each source to its last published
 * sequence and is advanced. Throws TOO_LARGE for what no bus carries even by reference.
 */
export function recordsFor(emitted: Emission, last: Map<string, number>): OutgoingRecord[] {
  const previous = last.get(emitted.source) ?? null;
  if (previous !== null && emitted.sequence <= previous) return [];
  const event = recordOf(eventOf(emitted, previous), emitted.topic ?? emitted.type.topic, emitted.partition);
  const record = { ...event, headers: { ...event.headers, ...emitted.headers } };
  const { rows } = emitted;
  const single = rows === undefined || rows.count < 2;
  const bytes = record.value.byteLength;
  if (single && bytes > mostReferencedBytes) {
    throw new RelearnError('TOO_LARGE', `event ${emitted.source}@${emitted.sequence} has ${bytes} bytes`);
  }
  if (single || bytes <= mostBatchBytes) {
    last.set(emitted.source, emitted.sequence);
    return [record];
  }
  // A little smaller than they would have to be: rows differ, and a part that is too large is encoded in vain.
  const parts = Math.min(rows.count, Math.max(2, Math.ceil((1.2 * bytes) / mostBatchBytes)));
  const records: OutgoingRecord[] = [];
  for (let part = 0; part < parts; part++) {
    const [from, to] = [Math.floor((part * rows.count) / parts), Math.floor(((part + 1) * rows.count) / parts)];
    const slice = (a: number, b: number) => rows.slice(from + a, from + b);
    records.push(...recordsFor({ ...emitted, ...slice(0, to - from), rows: { count: to - from, slice } }, last));
  }
  return records;
}
