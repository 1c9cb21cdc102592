import type { StoredRecord } from '@relearn/bus';
import type { Event, LoggedEvent, Topic } from '@relearn/contracts';

/** The event where its record stands in the log. */
export function placed({ topic, partition, position }: StoredRecord, event: Event): LoggedEvent {
  return { ...event, topic: topic as Topic, partition, position };
}
