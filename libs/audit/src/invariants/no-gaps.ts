import type { Invariant } from '../invariant.js';

/** No event is missing: each names the one before it of its source, as far back as the topic is kept. */
export function noGaps(): Invariant {
  return {
    name: 'no event is missing',
    topics: [],
    judged(event, verdict, report) {
      if (verdict.kind !== 'gap') return;
      const message = `${event.source} has ${event.sequence} after ${event.previous}, which is not in ${event.topic}`;
      report({ pipeline: event.pipeline, message, event: event.id });
    },
  };
}
