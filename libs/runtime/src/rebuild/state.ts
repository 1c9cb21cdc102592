import { canonicalJson, digestOf } from '@relearn/kernel';
import type { Document, Store } from '@relearn/store';
import { type AggregateDocument, decodeAggregate, type FoldedAggregate, foldedOf } from '../decider/aggregate.js';
import type { Decider } from '../decider/definition.js';
import { aggregateCollection } from '../decider/host.js';
import { type Checkpoint, type FoldedShard, foldedShard, listCheckpoints } from '../fold/checkpoint.js';
import type { FoldDefinition } from '../fold/definition.js';

/** What a service needs to be folded again. */
export interface FoldedService {
  readonly folds: readonly FoldDefinition<unknown>[];
  readonly deciders: readonly Decider<unknown>[];
}

/** The state of one service: all that it needs to go on. */
export interface ServiceState {
  /** By partition; a shard to which nothing was ever applied is not there. */
  readonly shards: Readonly<Record<string, FoldedShard>>;
  readonly aggregates: Readonly<Record<string, FoldedAggregate>>;
}

/** By service. */
export type State = Readonly<Record<string, ServiceState>>;

export interface StateHash {
  readonly all: string;
  readonly services: Readonly<Record<string, string>>;
}

export function hashOf(state: State): StateHash {
  const services = Object.fromEntries(Object.entries(state).map(([name, service]) => [name, digestOf(service)]));
  return { all: digestOf(services), services };
}

/** Where two states first differ, for people; null: nowhere. */
export function firstDifference(stored: State, rebuilt: State): string | null {
  for (const service of new Set([...Object.keys(stored), ...Object.keys(rebuilt)])) {
    for (const kind of ['shards', 'aggregates'] as const) {
      const [one = {}, other = {}] = [stored[service]?.[kind], rebuilt[service]?.[kind]];
      for (const name of [...new Set([...Object.keys(one), ...Object.keys(other)])].sort()) {
        const [left, right] = [canonicalJson(one[name] ?? null), canonicalJson(other[name] ?? null)];
        if (left !== right) return `${service} ${name}: ${texts(left, right)}`;
      }
    }
  }
  return null;
}

/** The texts from a little before their first difference. */
function texts(stored: string, rebuilt: string): string {
  let at = 0;
  while (stored[at] === rebuilt[at]) at += 1;
  const part = (text: string) => text.slice(Math.max(0, at - 60), at + 60);
  return `stored …${part(stored)}… rebuilt …${part(rebuilt)}…`;
}

/** What the store holds of services. */
export interface Stored {
  readonly checkpoints: ReadonlyMap<string, ReadonlyMap<number, Checkpoint>>;
  readonly aggregates: ReadonlyMap<string, ReadonlyMap<string, AggregateDocument>>;
}

export async function readStored(store: Store, { folds, deciders }: FoldedService): Promise<Stored> {
  const checkpoints = new Map<string, Map<number, Checkpoint>>();
  for (const { service } of folds) checkpoints.set(service, await listCheckpoints(store, service));
  const aggregates = new Map<string, Map<string, AggregateDocument>>();
  for (const { service } of deciders) {
    const documents = await listAll(store, aggregateCollection(service));
    aggregates.set(service, new Map(documents.map(({ id, body }) => [id, decodeAggregate(body)])));
  }
  return { checkpoints, aggregates };
}

const page = 200;

/** Every document of a collection. */
export async function listAll(store: Store, collection: string): Promise<Document[]> {
  const all: Document[] = [];
  for (;;) {
    const after = all.at(-1)?.id;
    const documents = await store.list(collection, { limit: page, ...(after === undefined ? {} : { after }) });
    all.push(...documents);
    if (documents.length < page) return all;
  }
}

/** The state as documents hold it. */
export function stateOf({ checkpoints, aggregates }: Stored): State {
  const state: Record<string, ServiceState> = {};
  for (const [service, shards] of checkpoints) {
    const applied = [...shards].filter(([, { positions }]) =>
      Object.values(positions).some((position) => position > 0),
    );
    state[service] = {
      shards: Object.fromEntries(
        applied.map(([partition, checkpoint]) => [String(partition), foldedShard(checkpoint)]),
      ),
      aggregates: {},
    };
  }
  for (const [service, documents] of aggregates) {
    const { shards = {} } = state[service] ?? {};
    const folded = [...documents].map(([id, document]) => [id, foldedOf(document)] as const);
    state[service] = { shards, aggregates: Object.fromEntries(folded) };
  }
  return state;
}
