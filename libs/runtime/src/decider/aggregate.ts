import type { OutgoingRecord } from '@relearn/bus';
import { type Attributes, encodeEvent, type Event, partitionFor } from '@relearn/contracts';
import { formatTimestamp } from '@relearn/kernel';
import type { Json } from '@relearn/store';
import { traceparentOf } from '@relearn/telemetry';
import type { Decider, Decision, OwnEvent, PendingJob, TimerOrder } from './definition.js';

/** An event in the outbox: durable with the state that it follows from, not yet published. */
export interface OutboxEntry {
  readonly topic: string;
  readonly partition: number;
  readonly event: Event;
}

/** An aggregate's document: state, last sequence applied of each source, outbox, and the jobs and timers that are due. */
export interface AggregateDocument {
  readonly pipeline: string;
  readonly partition: number;
  readonly state: Json;
  readonly applied: Readonly<Record<string, number>>;
  /** By topic: the aggregate's last own sequence. */
  readonly sequences: Readonly<Record<string, number>>;
  readonly outbox: readonly OutboxEntry[];
  readonly jobs: readonly PendingJob[];
  readonly timers: readonly TimerOrder[];
  /** Business time of the last event handled, ms. */
  readonly now: number;
}

export function emptyAggregate(pipeline: string, partition: number, state: Json): AggregateDocument {
  return { pipeline, partition, state, applied: {}, sequences: {}, outbox: [], jobs: [], timers: [], now: 0 };
}

export interface Handling {
  readonly now: number;
  readonly cause?: Attributes;
  readonly actor?: string;
}

/** The document after a decision: its events numbered, folded into the state and in the outbox. */
export function applyDecision<S>(
  decider: Decider<S>,
  id: string,
  document: AggregateDocument,
  state: S,
  decision: Decision,
  handling: Handling,
  partitions: number,
): AggregateDocument {
  const sequences: Record<string, number> = { ...document.sequences };
  const outbox: OutboxEntry[] = [...document.outbox];
  let next = state;
  for (const emitted of decision.events ?? []) {
    const event = numbered(decider, id, document.pipeline, emitted, sequences, handling);
    outbox.push({ topic: emitted.type.topic, partition: partitionFor(document.pipeline, partitions), event });
    next = decider.evolve(next, event);
  }
  const cancelled = new Set(decision.cancelJobs ?? []);
  const quiet = new Set(decision.cancelTimers ?? []);
  return {
    ...document,
    state: decider.encode(next),
    sequences,
    outbox,
    jobs: [
      ...document.jobs.filter((job) => !cancelled.has(job.id)),
      ...(decision.jobs ?? []).map((job) => ({ ...job, cause: handling.cause ?? null })),
    ],
    timers: [...document.timers.filter((timer) => !quiet.has(timer.id)), ...(decision.timers ?? [])],
    now: handling.now,
  };
}

function numbered<S>(
  decider: Decider<S>,
  id: string,
  pipeline: string,
  emitted: OwnEvent,
  sequences: Record<string, number>,
  handling: Handling,
): Event {
  const { topic } = emitted.type;
  const source = `${decider.service}/${id}/${topic}`;
  const previous = sequences[topic] ?? 0;
  const sequence = previous + 1;
  sequences[topic] = sequence;
  const correlation = emitted.correlationId ?? handling.cause?.correlationid;
  const actor = emitted.actor ?? handling.actor;
  // One turn of the loop is one trace, whichever services and restarts it goes through.
  const traceparent = correlation === undefined ? handling.cause?.traceparent : traceparentOf(correlation);
  return {
    id: `${source}@${sequence}`,
    source,
    type: emitted.type.type,
    sequence,
    previous: previous === 0 ? null : previous,
    time: formatTimestamp(handling.now),
    pipeline,
    pipelineversion: emitted.pipelineVersion,
    ...(emitted.subject === undefined ? {} : { subject: emitted.subject }),
    ...(handling.cause === undefined ? {} : { causationid: handling.cause.id }),
    ...(correlation === undefined ? {} : { correlationid: correlation }),
    ...(actor === undefined ? {} : { actor }),
    ...(traceparent === undefined ? {} : { traceparent }),
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
