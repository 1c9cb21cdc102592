import { decodeSeen, type Event, type LoggedEvent, type Seen, topics } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import type { FoldedAggregate } from '../decider/aggregate.js';
import type { Decider } from '../decider/definition.js';
import { foldAggregate, unfolded } from '../decider/fold-aggregate.js';
import { streamOf } from '../decider/fold-event.js';
import { readSavedAggregate } from '../decider/saved-aggregates.js';
import type { Ports } from '../ports.js';
import type { AggregateEvents } from './control-log.js';
import { breathing } from './log.js';

/** How far an aggregate is folded. */
export interface AggregateUpTo {
  /** By `topic/partition`: the last position. */
  readonly seen: (stream: string) => number;
  /** The last own event. */
  readonly made: number;
  /** Own events that are not in the log. */
  readonly waiting: readonly Event[];
}

/** What else than the aggregate's own log a fold of it goes by. */
export interface AggregateLimits {
  /** Whether the log has all that was ever in the decider's topics. */
  readonly whole: boolean;
  /** By source: the last sequence that a fold says it has published. */
  readonly published: ReadonlyMap<string, number>;
}

/**
 * Folds an aggregate from the log with `evolve` alone: from its first event where the log has all, else from its last saved
 * checkpoint. Throws CORRUPT where neither reaches back.
 */
export async function refoldAggregate(
  ports: Ports,
  decider: Decider<unknown>,
  id: string,
  { inputs, own }: AggregateEvents,
  { seen, made, waiting }: AggregateUpTo,
  { whole, published }: AggregateLimits,
): Promise<FoldedAggregate> {
  const written = own.filter((event) => event.sequence <= made);
  const ids = new Set(written.map((event) => event.id));
  const start = (whole ? null : await readSavedAggregate(ports, written)) ?? unfolded(decider);
  const last = lastOf(start);
  const log = {
    inputs: inputs.filter((input) => {
      const stream = streamOf(input);
      return input.position <= seen(stream) && input.position > (start.seen[stream] ?? -1);
    }),
    own: [...written, ...waiting.filter((event) => !ids.has(event.id))].filter(({ sequence }) => sequence > last),
  };
  const missing = whole ? null : (missingOwn(log.own, last) ?? missingInput(start, inputs, published));
  if (missing !== null) {
    const message = `${decider.service} ${id}: ${missing} is no longer kept, and no saved checkpoint is behind it`;
    throw new RelearnError('CORRUPT', message, { remedy: 'Restore the documents from a copy of the store.' });
  }
  return await foldAggregate(decider, start, log, breathing(ports.kernel.clock));
}

function lastOf({ sequences }: FoldedAggregate): number {
  return Math.max(0, ...Object.values(sequences));
}

/** An aggregate numbers its events through all topics. */
function missingOwn(own: readonly Event[], last: number): string | null {
  const sequences = own.map(({ sequence }) => sequence).toSorted((a, b) => a - b);
  const at = sequences.findIndex((sequence, index) => sequence !== last + 1 + index);
  return at < 0 ? null : `its own event ${last + 1 + at}`;
}

/** Each event names the one before it of its source, and a fold's checkpoint the last one that it has published. */
function missingInput(
  { applied }: FoldedAggregate,
  inputs: readonly LoggedEvent[],
  published: ReadonlyMap<string, number>,
): string | null {
  const last = new Map(Object.entries(applied));
  for (const { source, sequence, previous, topic } of inputs) {
    const before = last.get(source);
    // What is kept for ever has no gaps, and not all events of a source there concern the aggregate.
    if (topics[topic].retentionMs !== null && previous !== null && previous > (before ?? -1)) {
      return `event ${previous} of ${source}`;
    }
    last.set(source, Math.max(before ?? sequence, sequence));
  }
  const gone = [...last].find(([source, sequence]) => (published.get(source) ?? sequence) > sequence);
  return gone === undefined ? null : `event ${published.get(gone[0])} of ${gone[0]}`;
}

/** What the aggregate's own events say that it had handled. */
export function seenByOwn(own: readonly Event[]): Seen {
  const last = own.toSorted((a, b) => a.sequence - b.sequence).at(-1);
  return last === undefined ? {} : decodeSeen(last.seen ?? '');
}
