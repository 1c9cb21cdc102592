import type { Json, Store } from '@relearn/store';
import { type Checkpoint, checkpointCollection } from '@relearn/runtime';
import type { Conservation, StageName } from './shapes.js';

/** What the checkpoints of the folds say of one pipeline, over its shards. */
export interface LiveCounts {
  /** Records judged by validation: validated + quarantined + duplicates. */
  readonly judged: number;
  readonly validated: number;
  readonly quarantined: number;
  readonly duplicates: number;
  readonly featureRows: number;
  /** Rows of the stream that serving has scored. */
  readonly scored: number;
  /** Records that wait before validation. */
  readonly pending: number;
  readonly atLeast: boolean;
  /** Services whose counts grew since the reading before. */
  readonly moving: readonly StageName[];
}

export const noCounts: LiveCounts = {
  judged: 0,
  validated: 0,
  quarantined: 0,
  duplicates: 0,
  featureRows: 0,
  scored: 0,
  pending: 0,
  atLeast: false,
  moving: [],
};

export function conservationOf(counts: LiveCounts, deadLettered: number): Conservation {
  const { judged, validated, quarantined, duplicates, pending, atLeast } = counts;
  const difference = judged - validated - quarantined - duplicates;
  return {
    received: judged + deadLettered + pending,
    validated,
    quarantined,
    duplicates,
    deadLettered,
    pending,
    difference,
    atLeast,
  };
}

export interface FoldCounts {
  /** By service, pipeline and name of the figure, summed over the shards. */
  readonly counts: ReadonlyMap<string, ReadonlyMap<string, Readonly<Record<string, number>>>>;
  /** By partition: the position of `data.raw` below which validation has judged everything. */
  readonly judgedBelow: ReadonlyMap<number, number>;
}

const page = 500;

/** Reads every fold's checkpoint. */
export async function readFoldCounts(store: Store): Promise<FoldCounts> {
  const counts = new Map<string, Map<string, Record<string, number>>>();
  const judgedBelow = new Map<number, number>();
  let after: string | undefined;
  for (;;) {
    const documents = await store.list(checkpointCollection, {
      limit: page,
      ...(after === undefined ? {} : { after }),
    });
    for (const { id, body } of documents) {
      const [service = '', partition = '0'] = id.split('/');
      const checkpoint = checkpointOf(body);
      const position = checkpoint.positions?.['data.raw'];
      if (service === 'validation' && position !== undefined) judgedBelow.set(Number(partition), position);
      addCounts(counts, service, checkpoint.counts ?? {});
    }
    after = documents.at(-1)?.id;
    if (documents.length < page) return { counts, judgedBelow };
  }
}

function checkpointOf(body: Json): Partial<Checkpoint> {
  return body as unknown as Partial<Checkpoint>;
}

function addCounts(
  into: Map<string, Map<string, Record<string, number>>>,
  service: string,
  counts: Checkpoint['counts'],
): void {
  const byPipeline = into.get(service) ?? new Map<string, Record<string, number>>();
  into.set(service, byPipeline);
  for (const [pipeline, figures] of Object.entries(counts)) {
    const sum = byPipeline.get(pipeline) ?? {};
    byPipeline.set(pipeline, sum);
    for (const [name, value] of Object.entries(figures)) sum[name] = (sum[name] ?? 0) + value;
  }
}

export interface Waiting {
  readonly records: number;
  readonly atLeast: boolean;
}

/** The live counts of one pipeline; `before` are those of the reading before. */
export function liveCountsOf(folds: FoldCounts, pipeline: string, waiting: Waiting, before: LiveCounts): LiveCounts {
  const figure = (service: string, name: string) => folds.counts.get(service)?.get(pipeline)?.[name] ?? 0;
  const now = {
    judged: figure('validation', 'received'),
    validated: figure('validation', 'validated'),
    quarantined: figure('validation', 'quarantined'),
    duplicates: figure('validation', 'duplicates'),
    featureRows: figure('feature', 'rows'),
    scored: figure('serving', 'scored'),
    pending: waiting.records,
    atLeast: waiting.atLeast,
  };
  const moving: StageName[] = [];
  if (now.judged + now.pending > before.judged + before.pending) moving.push('ingestion');
  if (now.judged > before.judged) moving.push('validation');
  if (now.featureRows > before.featureRows) moving.push('feature');
  if (now.scored > before.scored) moving.push('serving');
  return { ...now, moving };
}
