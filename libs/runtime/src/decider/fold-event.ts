import { checkpointSaved, type Event, inputsOrdered, type LoggedEvent, type Topic } from '@relearn/contracts';
import { Sequences } from '../sequences.js';
import type { FoldedAggregate } from './aggregate.js';
import type { Decider } from './definition.js';

/** The part of an aggregate's inputs that the log keeps in one order. */
export function streamOf({ topic, partition }: Pick<LoggedEvent, 'topic' | 'partition'>): string {
  return `${topic}/${partition}`;
}

/**
 * The canonical order of streams: topics as the decider names them, then partitions. Between two own events inputs are
 * handled in this order, or an `inputs.ordered` stands between them: so the log tells the order of all that was handled.
 */
export function byStream(decider: Pick<Decider<unknown>, 'topics'>): (a: string, b: string) => number {
  const rank = (stream: string): [number, number] => {
    const [topic, partition] = stream.split('/');
    return [decider.topics.indexOf(topic as Topic), Number(partition)];
  };
  return (a, b) => {
    const [[topicA, partitionA], [topicB, partitionB]] = [rank(a), rank(b)];
    return topicA - topicB || partitionA - partitionB;
  };
}

/** Whether handling the input now would leave no trace of what was handled since the last own event before it. */
export function outOfOrder(
  decider: Pick<Decider<unknown>, 'topics'>,
  { latest }: FoldedAggregate,
  event: LoggedEvent,
): boolean {
  return latest !== null && byStream(decider)(streamOf(event), latest) < 0;
}

/** Folds an input that has just been handled. */
export function foldInput<S>(decider: Decider<S>, folded: FoldedAggregate, event: LoggedEvent): FoldedAggregate {
  const sequences = new Sequences(folded.applied);
  sequences.advance(event);
  const stream = streamOf(event);
  return {
    ...folded,
    state: decider.encode(decider.evolve(decider.decode(folded.state), event)),
    applied: sequences.toJSON(),
    seen: { ...folded.seen, [stream]: event.position },
    latest: stream,
    now: Math.max(folded.now, Date.parse(event.time)),
  };
}

/** Folds an own event that has just been made. */
export function foldOwn<S>(decider: Decider<S>, folded: FoldedAggregate, event: Event): FoldedAggregate {
  const topic = event.source.slice(event.source.lastIndexOf('/') + 1);
  const state =
    inputsOrdered.is(event) || checkpointSaved.is(event)
      ? folded.state
      : decider.encode(decider.evolve(decider.decode(folded.state), event));
  return {
    ...folded,
    state,
    sequences: { ...folded.sequences, [topic]: event.sequence },
    latest: null,
    now: Math.max(folded.now, Date.parse(event.time)),
  };
}
