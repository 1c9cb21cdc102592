import { decodeSeen, type Event, type Seen } from '@relearn/contracts';
import type { FoldedAggregate } from '../decider/aggregate.js';
import type { Decider } from '../decider/definition.js';
import { foldAggregate, unfolded } from '../decider/fold-aggregate.js';
import { streamOf } from '../decider/fold-event.js';
import type { AggregateEvents } from './control-log.js';

/** How far an aggregate is folded. */
export interface AggregateUpTo {
  /** By `topic/partition`: the last position. */
  readonly seen: (stream: string) => number;
  /** The last own event. */
  readonly made: number;
  /** Own events that are not in the log. */
  readonly waiting: readonly Event[];
}

/** Folds an aggregate from the log with `evolve` alone. */
export async function refoldAggregate(
  decider: Decider<unknown>,
  { inputs, own }: AggregateEvents,
  { seen, made, waiting }: AggregateUpTo,
  breath: () => Promise<void>,
): Promise<FoldedAggregate> {
  const published = own.filter((event) => event.sequence <= made);
  const ids = new Set(published.map(({ id }) => id));
  const log = {
    inputs: inputs.filter((input) => input.position <= seen(streamOf(input))),
    own: [...published, ...waiting.filter(({ id }) => !ids.has(id))],
  };
  return await foldAggregate(decider, unfolded(decider), log, breath);
}

/** What the aggregate's own events say that it had handled. */
export function seenByOwn(own: readonly Event[]): Seen {
  const last = own.toSorted((a, b) => a.sequence - b.sequence).at(-1);
  return last === undefined ? {} : decodeSeen(last.seen ?? '');
}
