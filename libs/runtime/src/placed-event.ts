import type { StoredRecord } from '@relearn/bus';
import type { Event, LoggedEvent, Topic } from '@relearn/contracts';

/** The event where its record stands in the log. */
export function placed({ topic, partition, position }: StoredRecord, event: Event): LoggedEvent {
  // Not spread: V8 would make a new shape for each event, in its old generation.
  return Object.assign({ topic: topic as Topic, partition, position }, event);
}
