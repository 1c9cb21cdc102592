import type { Attributes, Event, EventType, LoggedEvent, Schema, Static, Topic } from '@relearn/contracts';
import type { BusinessMs } from '@relearn/kernel';
import type { Json } from '@relearn/store';
import type { Ports } from '../ports.js';

/** An event of an aggregate's own, not yet numbered. */
export interface OwnEvent<S extends Schema = Schema> {
  readonly type: EventType<S>;
  readonly data: Static<S>;
  readonly pipelineVersion: number;
  readonly subject?: string;
  /** The turn that the event belongs to. */
  readonly correlationId?: string;
  readonly actor?: string;
}

export function own<S extends Schema>(event: OwnEvent<S>): OwnEvent {
  return event as OwnEvent;
}

/** What the events that follow from an event carry of it. */
export type EventRef = Pick<Attributes, 'id' | 'correlationid' | 'traceparent'>;

export function refOf({ id, correlationid, traceparent }: Attributes): EventRef {
  return {
    id,
    ...(correlationid === undefined ? {} : { correlationid }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}

export interface JobOrder {
  /** Unique within the service for ever; results of concurrent jobs are taken in the order of their ids. */
  readonly id: string;
  readonly kind: string;
  readonly input: Json;
  /** The event that the job follows from. */
  readonly cause: EventRef;
}

/** Fires once after the time on the machine's clock, as a `timer.fired` event of the aggregate. */
export interface TimerOrder {
  readonly id: string;
  readonly afterMs: number;
}

/** What a state waits for. */
export interface Due {
  readonly jobs?: readonly JobOrder[];
  readonly timers?: readonly TimerOrder[];
}

export interface Decision {
  readonly events?: readonly OwnEvent[];
}

/** Blobs by digest. */
export type Facts = ReadonlyMap<string, Uint8Array>;

export interface JobContext {
  readonly ports: Ports;
  readonly signal: AbortSignal;
  progress(figures: Readonly<Record<string, unknown>>): void;
}

export type JobResult =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** Long work: leased, fenced, in worker threads where it computes. Its result comes back to the aggregate as one decision. */
export interface JobKind {
  run(input: Json, context: JobContext): Promise<Json>;
}

/**
 * A decider: `decide` looks at the state and says what follows; `evolve` folds an event into the state; `due` says what
 * the state waits for. All are pure.
 * The state is folded from the events that were routed to the aggregate and from its own, in the order of their handling.
 */
export interface Decider<S> {
  readonly service: string;
  readonly topics: readonly Topic[];
  /** The aggregate that an event concerns; null: none. */
  route(event: LoggedEvent): string | null;
  initial(): S;
  decide(state: S, event: LoggedEvent, now: BusinessMs, facts: Facts): Decision;
  /** Content-addressed values that `decide` needs, by digest: immutable, so a decision stays a function of the log. */
  needs?(state: S, event: LoggedEvent): readonly string[];
  /**
   * The jobs and timers that the state waits for: they run while it names them, so a result and a fired timer must change
   * the state (by an own event) such that it does not any more. Nothing else keeps them: they go on after a rebuild.
   */
  due?(state: S): Due;
  /** What follows from a job's end; called once, however often the job ran. null: nothing, it runs again. */
  finish?(state: S, job: JobOrder, result: JobResult, now: BusinessMs): Decision | null;
  evolve(state: S, event: Event): S;
  readonly jobs?: Readonly<Record<string, JobKind>>;
  encode(state: S): Json;
  decode(body: Json): S;
}
