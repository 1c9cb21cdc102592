import { RelearnError } from '@relearn/kernel';
import type { Topic } from './topics.js';

/** The attributes of every event: CloudEvents 1.0 with the extensions that the promises need. */
export interface Attributes {
  readonly id: string;
  /** `aggregate/topic` or `service/pipeline/shard/topic`: what numbers its events. */
  readonly source: string;
  readonly type: string;
  /** Grows within the source. For events made from log rows: the address of the last input row covered. */
  readonly sequence: number;
  /** The sequence of the source's event before this one; null for its first. */
  readonly previous: number | null;
  /** The pipeline's business time, ISO 8601 UTC. */
  readonly time: string;
  readonly pipeline: string;
  readonly pipelineversion: number;
  readonly subject?: string;
  readonly causationid?: string;
  readonly correlationid?: string;
  readonly actor?: string;
  readonly traceparent?: string;
  /** Of an aggregate's own event: the inputs that had been handled when it was made, as `encodeSeen` writes them. */
  readonly seen?: string;
}

export interface Event<D = unknown> extends Attributes {
  readonly data: D;
}

/** An event where it stands in the log. */
export interface LoggedEvent<D = unknown> extends Event<D> {
  readonly topic: Topic;
  readonly partition: number;
  readonly position: number;
}

/** Where an event's data is when it is not in the record: CloudEvents extension `dataref`. */
export const dataRefHeader = 'ce_dataref';

const text = new TextEncoder();
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** CloudEvents binary mode: attributes as `ce_` headers, the data as JSON. */
export function encodeEvent(event: Event): { headers: Record<string, string>; value: Uint8Array } {
  const headers: Record<string, string> = { ce_specversion: '1.0', 'content-type': 'application/json' };
  for (const [name, value] of Object.entries(event)) {
    if (name === 'data' || value === null || value === undefined) continue;
    headers[`ce_${name}`] = String(value);
  }
  return { headers, value: text.encode(JSON.stringify(event.data)) };
}

type Mutable = { -readonly [K in keyof Attributes]: Attributes[K] };

const optional = (['subject', 'causationid', 'correlationid', 'actor', 'traceparent', 'seen'] as const).map(
  (name) => [name, `ce_${name}`] as const,
);

/** Reads the attributes only. Throws INVALID_EVENT when one is missing. */
export function decodeAttributes(headers: Readonly<Record<string, string>>): Attributes {
  const need = (name: string): string => {
    const value = headers[`ce_${name}`];
    if (value === undefined) throw new RelearnError('INVALID_EVENT', `the event lacks the attribute '${name}'`);
    return value;
  };
  const previous = headers['ce_previous'];
  const attributes: Mutable = {
    id: need('id'),
    source: need('source'),
    type: need('type'),
    sequence: Number(need('sequence')),
    previous: previous === undefined ? null : Number(previous),
    time: need('time'),
    pipeline: need('pipeline'),
    pipelineversion: Number(need('pipelineversion')),
  };
  for (const [name, header] of optional) {
    const value = headers[header];
    if (value !== undefined) attributes[name] = value;
  }
  return attributes;
}

/** Reads the whole event. Throws INVALID_EVENT when it is no JSON. The data is not yet validated: `EventType.read` does. */
export function decodeEvent(record: { headers: Readonly<Record<string, string>>; value: Uint8Array }): Event {
  const attributes = decodeAttributes(record.headers);
  const reference = record.headers[dataRefHeader];
  if (reference !== undefined) {
    throw new RelearnError('INVALID_EVENT', `the data of event ${attributes.id} is not to be had: ${reference}`);
  }
  try {
    return Object.assign(attributes, { data: JSON.parse(utf8.decode(record.value)) as unknown });
  } catch (thrown) {
    throw new RelearnError('INVALID_EVENT', `the data of event ${attributes.id} is not JSON`, { cause: thrown });
  }
}
