import { decodeSeen, type Event, type LoggedEvent } from '@relearn/contracts';
import type { FoldedAggregate } from './aggregate.js';
import type { Decider } from './definition.js';
import { byStream, foldInput, foldOwn, streamOf } from './fold-event.js';

/** What the log holds of one aggregate, second copies left out. */
export interface AggregateLog {
  /** Events that were routed to it, of each stream in the order of the log. */
  readonly inputs: readonly LoggedEvent[];
  readonly own: readonly Event[];
}

/** An aggregate that nothing has happened to. */
export function unfolded<S>(decider: Decider<S>): FoldedAggregate {
  return { state: decider.encode(decider.initial()), applied: {}, sequences: {}, seen: {}, latest: null, now: 0 };
}

/**
 * Folds an aggregate from the log with `evolve` alone, in the order in which it was handled: own events by their numbers,
 * before each the inputs that it had seen, streams in their canonical order; then the inputs that are left.
 * `breath` is called between events.
 */
export async function foldAggregate<S>(
  decider: Decider<S>,
  start: FoldedAggregate,
  { inputs, own }: AggregateLog,
  breath: () => Promise<void>,
): Promise<FoldedAggregate> {
  const waiting = new Map<string, LoggedEvent[]>();
  for (const input of inputs) {
    const stream = streamOf(input);
    const queue = waiting.get(stream);
    if (queue === undefined) waiting.set(stream, [input]);
    else queue.push(input);
  }
  const streams = [...waiting].sort(([a], [b]) => byStream(decider)(a, b));
  const next = streams.map(() => 0);
  let folded = start;
  const takeUpTo = async (limit: (stream: string) => number) => {
    for (const [index, [stream, queue]] of streams.entries()) {
      const last = limit(stream);
      for (let at = next[index] ?? 0; ; at += 1) {
        const input = queue[at];
        next[index] = at;
        if (input === undefined || input.position > last) break;
        folded = foldInput(decider, folded, input);
        await breath();
      }
    }
  };
  for (const event of own.toSorted((a, b) => a.sequence - b.sequence)) {
    const seen = decodeSeen(event.seen ?? '');
    await takeUpTo((stream) => seen[stream] ?? -1);
    folded = foldOwn(decider, folded, event);
    await breath();
  }
  await takeUpTo(() => Number.POSITIVE_INFINITY);
  return folded;
}
