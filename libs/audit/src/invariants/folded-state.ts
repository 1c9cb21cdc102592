import type { LoggedEvent, Topic } from '@relearn/contracts';
import { canonicalJson } from '@relearn/kernel';
import { type AggregateDocument, type Decider, foldAggregate, foldedOf, streamOf, unfolded } from '@relearn/runtime';
import type { Breath, Invariant, Report } from '../invariant.js';

/** A decider whose aggregates are folded again from the log. */
export interface AuditedDecider {
  readonly decider: Decider<unknown>;
}

/** An aggregate's document as it was before the log was read. */
export interface StoredAggregate {
  readonly service: string;
  readonly id: string;
  readonly document: AggregateDocument;
}

export interface FoldedStateOptions {
  readonly folds: readonly AuditedDecider[];
  readonly stored: readonly StoredAggregate[];
  readonly quiescent: boolean;
  /** Whether the topic's partition is kept from its first record on. */
  readonly whole: (topic: string, partition: number) => boolean;
}

interface Collected {
  readonly inputs: LoggedEvent[];
  readonly own: LoggedEvent[];
}

/**
 * Folding an aggregate's inputs and own events from zero, with `evolve` alone, gives the stored state. Not judged where a
 * topic of the decider is no longer whole.
 */
export function statesFoldFromTheLog(options: FoldedStateOptions): Invariant {
  const { folds, stored, quiescent } = options;
  const collected = new Map<string, Collected>();
  const of = (service: string, id: string): Collected => {
    const key = `${service} ${id}`;
    const found = collected.get(key) ?? { inputs: [], own: [] };
    collected.set(key, found);
    return found;
  };
  return {
    name: 'folding from zero gives the stored state',
    topics: [...new Set<Topic>(['control', ...folds.flatMap(({ decider }) => decider.topics)])],
    take(event) {
      for (const { decider } of folds) {
        const id = decider.topics.includes(event.topic) ? decider.route(event) : null;
        if (id !== null) of(decider.service, id).inputs.push(event);
        const maker = makerOf(event, decider.service);
        if (maker !== null) of(decider.service, maker).own.push(event);
      }
    },
    async finish(report, breath) {
      const known = new Set(stored.map(({ service, id }) => `${service} ${id}`));
      for (const fold of folds) {
        for (const aggregate of stored) {
          if (aggregate.service !== fold.decider.service) continue;
          await judge(fold, aggregate, of(aggregate.service, aggregate.id), options, { report, breath });
        }
        for (const [key, { inputs }] of collected) {
          const [first] = inputs;
          if (!quiescent || first === undefined || known.has(key) || !key.startsWith(`${fold.decider.service} `))
            continue;
          report({
            pipeline: first.pipeline,
            message: `${key}: events concern it, but there is no stored state`,
            event: first.id,
          });
        }
      }
    },
  };
}

/** The aggregate of the service that made the event; null when another service did. */
function makerOf(event: LoggedEvent, service: string): string | null {
  const [head, tail] = [`${service}/`, `/${event.topic}`];
  if (!event.source.startsWith(head) || !event.source.endsWith(tail)) return null;
  return event.source.slice(head.length, -tail.length);
}

async function judge(
  fold: AuditedDecider,
  stored: StoredAggregate,
  log: Collected,
  options: FoldedStateOptions,
  { report, breath }: { report: Report; breath: Breath },
): Promise<void> {
  const { document, id, service } = stored;
  if (!judgeable(fold, document, log, options)) return;
  const handled = log.inputs.filter((input) => input.position <= (document.seen[streamOf(input)] ?? -1));
  const made = Math.max(0, ...Object.values(document.sequences));
  const published = log.own.filter((event) => event.sequence <= made);
  const ids = new Set(published.map(({ id: known }) => known));
  const waiting = document.outbox.map(({ event }) => event).filter((event) => !ids.has(event.id));
  const breach = (message: string, event?: string) =>
    report({
      pipeline: document.pipeline,
      message: `${service} ${id}: ${message}`,
      ...(event === undefined ? {} : { event }),
    });
  const missed = log.inputs.length - handled.length;
  if (options.quiescent && missed > 0) breach(`${missed} events that concern it were not handled`);
  const { decider } = fold;
  const folding = foldAggregate(
    decider,
    unfolded(decider),
    { inputs: handled, own: [...published, ...waiting] },
    breath,
  );
  const folded = canonicalJson(await folding);
  const kept = canonicalJson(foldedOf(document));
  if (folded !== kept)
    breach(`the stored state differs from the folded one at ${difference(kept, folded)}`, handled.at(-1)?.id);
}

function judgeable(
  { decider }: AuditedDecider,
  { partition }: AggregateDocument,
  { inputs, own }: Collected,
  { whole }: FoldedStateOptions,
): boolean {
  const read = new Set([partition, ...[...inputs, ...own].map((event) => event.partition)]);
  return decider.topics.every((topic) => [...read].every((one) => whole(topic, one)));
}

/** The texts from a little before their first difference. */
function difference(stored: string, folded: string): string {
  let at = 0;
  while (stored[at] === folded[at]) at += 1;
  const part = (text: string) => text.slice(Math.max(0, at - 40), at + 40);
  return `stored …${part(stored)}… folded …${part(folded)}…`;
}
