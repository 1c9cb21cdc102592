import type { OutgoingRecord } from '@relearn/bus';
import { encodeEvent, encodeSeen, type Event, partitionFor, type Seen } from '@relearn/contracts';
import { formatTimestamp } from '@relearn/kernel';
import type { Json } from '@relearn/store';
import { traceparentOf } from '@relearn/telemetry';
import type { Decider, Decision, EventRef, OwnEvent } from './definition.js';
import { foldOwn } from './fold-event.js';

/** An event in the outbox: durable with the state that it follows from, not yet published. */
export interface OutboxEntry {
  readonly topic: string;
  readonly partition: number;
  readonly event: Event;
}

/** What follows from an aggregate's inputs and own events alone, in the order of their handling. */
export interface FoldedAggregate {
  readonly state: Json;
  /** By source: the last sequence applied. */
  readonly applied: Readonly<Record<string, number>>;
  /** By topic: the aggregate's last own sequence. They count through all topics, so that own events have one order. */
  readonly sequences: Readonly<Record<string, number>>;
  /** The inputs handled. */
  readonly seen: Seen;
  /** The `topic/partition` of the last input handled since the last own event; null: none. */
  readonly latest: string | null;
  /** Business time of the last event handled, ms. */
  readonly now: number;
}

/** An aggregate's document: what has been folded, and what of it is still to be published. */
export interface AggregateDocument extends FoldedAggregate {
  readonly pipeline: string;
  readonly partition: number;
  readonly outbox: readonly OutboxEntry[];
  /** Wall time in ms at which the log last got a checkpoint of it, or at which it was first handled; absent: before that. */
  readonly savedAt?: number;
}

export function emptyAggregate(pipeline: string, partition: number, state: Json): AggregateDocument {
  return { pipeline, partition, state, applied: {}, sequences: {}, seen: {}, latest: null, now: 0, outbox: [] };
}

/** The document without what is only kept until it has been done. */
export function foldedOf({ state, applied, sequences, seen, latest, now }: AggregateDocument): FoldedAggregate {
  return { state, applied, sequences, seen, latest, now };
}

export interface Handling {
  readonly now: number;
  readonly cause?: EventRef;
  readonly actor?: string;
}

/** The document after a decision: its events numbered, folded into the state and in the outbox. */
export function applyDecision<S>(
  decider: Decider<S>,
  id: string,
  document: AggregateDocument,
  decision: Decision,
  handling: Handling,
  partitions: number,
): AggregateDocument {
  let next = document;
  for (const emitted of decision.events ?? []) {
    const event = numbered(decider, id, next, emitted, handling);
    const entry = { topic: emitted.type.topic, partition: partitionFor(document.pipeline, partitions), event };
    next = { ...next, ...foldOwn(decider, next, event), outbox: [...next.outbox, entry] };
  }
  return next;
}

function numbered<S>(
  decider: Decider<S>,
  id: string,
  { pipeline, sequences, seen }: AggregateDocument,
  emitted: OwnEvent,
  handling: Handling,
): Event {
  const { topic } = emitted.type;
  const source = `${decider.service}/${id}/${topic}`;
  const sequence = Math.max(0, ...Object.values(sequences)) + 1;
  const correlation = emitted.correlationId ?? handling.cause?.correlationid;
  const actor = emitted.actor ?? handling.actor;
  // One turn of the loop is one trace, whichever services and restarts it goes through.
  const traceparent = correlation === undefined ? handling.cause?.traceparent : traceparentOf(correlation);
  return {
    id: `${source}@${sequence}`,
    source,
    type: emitted.type.type,
    sequence,
    previous: sequences[topic] ?? null,
    time: formatTimestamp(handling.now),
    pipeline,
    pipelineversion: emitted.pipelineVersion,
    ...(emitted.subject === undefined ? {} : { subject: emitted.subject }),
    ...(handling.cause === undefined ? {} : { causationid: handling.cause.id }),
    ...(correlation === undefined ? {} : { correlationid: correlation }),
    ...(actor === undefined ? {} : { actor }),
    ...(traceparent === undefined ? {} : { traceparent }),
    seen: encodeSeen(seen),
    data: emitted.data,
  };
}

export function outboxRecords(document: AggregateDocument): OutgoingRecord[] {
  return document.outbox.map(({ topic, partition, event }) => ({
    topic,
    partition,
    key: document.pipeline,
    ...encodeEvent(event),
  }));
}

export function encodeAggregate(document: AggregateDocument): Json {
  return document as unknown as Json;
}

export function decodeAggregate(body: Json): AggregateDocument {
  return body as unknown as AggregateDocument;
}
