import { RelearnError } from '@relearn/kernel';
import type { Schema, Static } from './schema/type.js';
import { Validator } from './schema/validator.js';
import type { Event } from './envelope.js';
import type { Topic } from './topics.js';

export interface EventType<S extends Schema = Schema> {
  /** CloudEvents type, such as `relearn.model.promoted.v1`. */
  readonly type: string;
  readonly name: string;
  readonly version: number;
  readonly topic: Topic;
  readonly schema: S;
  is(event: Event): event is Event<Static<S>>;
  /** The event with validated data. Throws INVALID_EVENT that names the field. */
  read(event: Event): Event<Static<S>>;
}

export type DataOf<T> = T extends EventType<infer S> ? Static<S> : never;

const defined = new Map<string, EventType>();

/** Declares an event: the only source of its TypeScript type, validator, JSON Schema and topic. */
export function defineEvent<S extends Schema>(declaration: {
  name: string;
  version: number;
  topic: Topic;
  data: S;
}): EventType<S> {
  const { name, version, topic, data } = declaration;
  const type = `relearn.${name}.v${version}`;
  const validator = new Validator(data);
  const is = (event: Event): event is Event<Static<S>> => event.type === type;
  const read = (event: Event): Event<Static<S>> => {
    if (!is(event)) throw new RelearnError('INVALID_EVENT', `expected ${type}, got ${event.type}`);
    const fault = validator.faultOf(event.data);
    if (fault === undefined) return event;
    throw new RelearnError('INVALID_EVENT', `${type} ${event.id}: ${fault.message}`, { place: { field: fault.field } });
  };
  const eventType: EventType<S> = { type, name, version, topic, schema: data, is, read };
  defined.set(type, eventType);
  return eventType;
}

/** Every event type of the platform, by CloudEvents type. */
export function eventTypes(): ReadonlyMap<string, EventType> {
  return defined;
}
