import type { DataOf, dataQuarantined } from '@relearn/contracts';
import type { Ports } from '@relearn/runtime';
import { eventsOf, recordsIn, rowIdsIn, taken } from '../e2e/log.js';
import { countsIn } from '../e2e/world.js';
import { pipelineName } from './live-pipeline.js';
import type { Producer } from './producer.js';

/** What the log holds in the end against what the producer was told. Every list is empty when nothing went wrong. */
export interface Verdict {
  readonly acknowledged: number;
  readonly lost: readonly string[];
  readonly doubled: readonly string[];
  /** Rows that were sent after the first model served, and have no prediction. */
  readonly unscored: readonly string[];
  readonly scoredTwice: readonly string[];
  readonly controlTwice: readonly string[];
  /** Nothing that was sent could not be handled. */
  readonly deadLetters: readonly string[];
  /** Validation's counts, and what is wrong with their sum. */
  readonly counts: Readonly<Record<string, number>>;
  readonly unbalanced: readonly string[];
  readonly turns: Readonly<Record<string, number>>;
}

/** Reads the whole log through the sequence rule, once nothing is left to do. */
export async function verdictOf(ports: Ports, producer: Producer, modelServedAt: number): Promise<Verdict> {
  const { bus } = ports;
  const valid = await recordsIn(bus, 'data.valid');
  const quarantined = (await eventsOf(bus, 'data.quarantine')).flatMap(
    ({ data }) => (data as DataOf<typeof dataQuarantined>).records,
  );
  const kept = [...valid, ...quarantined];
  const rows = kept.filter(({ stream }) => stream === 'rows').map(({ id }) => id);
  const labels = kept.filter(isLabel).map(({ id }) => id);
  const labelled = new Set(labels.map((id) => id.split(/[@=]/)[0] ?? ''));
  const features = (await rowIdsIn(bus, 'features')).map(({ id }) => id);
  const scored = new Set((await rowIdsIn(bus, 'predictions')).map(({ id }) => id));
  const control = (await taken(bus, 'control')).map(({ event }) => event.id);
  const validRows = valid.filter(({ stream }) => stream === 'rows').map(({ id }) => id);
  const counts = await countsIn(ports, pipelineName);
  return {
    acknowledged: producer.rows.size + producer.labels.size,
    lost: [
      ...without(producer.rows.keys(), new Set(rows)),
      ...without(producer.labels, labelled),
      ...without(validRows, new Set(features)),
    ],
    // A record that was refused may come again, corrected: in quarantine it may be twice.
    doubled: [...twice(validRows), ...twice(valid.filter(isLabel).map(({ id }) => id)), ...twice(features)],
    unscored: validRows.filter((id) => (producer.rows.get(id) ?? 0) > modelServedAt && !scored.has(id)),
    scoredTwice: twice((await rowIdsIn(bus, 'predictions')).map(({ id }) => id)),
    controlTwice: twice(control),
    deadLetters: (await eventsOf(bus, 'dead-letters')).map(({ id }) => id),
    counts,
    unbalanced: unbalanced(counts),
    turns: await turnsIn(ports),
  };
}

const isLabel = ({ stream }: { readonly stream: string }) => stream === 'labels';

function unbalanced(counts: Readonly<Record<string, number>>): string[] {
  const { received = 0, validated = 0, quarantined = 0, duplicates = 0 } = counts;
  const sum = validated + quarantined + duplicates;
  return received === sum && received > 0 ? [] : [`${received} received, ${sum} accounted for`];
}

async function turnsIn({ bus }: Ports): Promise<Record<string, number>> {
  const outcomes: Record<string, number> = {};
  for (const { type, data } of await eventsOf(bus, 'control')) {
    if (type !== 'relearn.pipeline.ended.v1') continue;
    const { outcome } = data as { readonly outcome: string };
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }
  return outcomes;
}

function without(ids: Iterable<string>, among: ReadonlySet<string>): string[] {
  return [...ids].filter((id) => !among.has(id));
}

function twice(ids: readonly string[]): string[] {
  const seen = new Set<string>();
  return ids.filter((id) => seen.size === seen.add(id).size);
}
