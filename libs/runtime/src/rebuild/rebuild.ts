import { type Seen, type Topic } from '@relearn/contracts';
import { type AggregateDocument, emptyAggregate } from '../decider/aggregate.js';
import { streamOf } from '../decider/fold-event.js';
import type { Checkpoint } from '../fold/checkpoint.js';
import type { Ports } from '../ports.js';
import { type AggregateUpTo, refoldAggregate, seenByOwn } from './aggregates.js';
import { type AggregateEvents, type ControlLog, readControlLog } from './control-log.js';
import { refoldShard, type UpTo } from './shards.js';
import type { FoldedService, Stored } from './state.js';

/** How far each consumer had come. */
export interface Reached {
  /** By consumer group, topic and partition: the position below which everything is done. */
  committed(group: string, topic: Topic, partition: number): number;
}

/**
 * Folds the state of the services from log and blobs, as far as they had come by their committed positions and by what
 * they themselves say in the log. What lies behind has not been acted on, and is not touched.
 */
export async function rebuildReached(ports: Ports, service: FoldedService, reached: Reached): Promise<Stored> {
  const log = await readControlLog(ports, service.deciders);
  const upTo = ({ service: name, topics }: { service: string; topics: readonly Topic[] }, partition: number): UpTo => ({
    positions: Object.fromEntries(topics.map((topic) => [topic, reached.committed(name, topic, partition)])),
    exactly: false,
  });
  const checkpoints = await refoldShards(ports, service, log, upTo);
  const aggregates = await refoldAggregates(ports, service, log, checkpoints, (name, _id, { own }) => {
    const told: Seen = seenByOwn(own);
    const seen = (stream: string) => {
      const [topic, partition] = stream.split('/');
      return Math.max(reached.committed(`${name}-decider`, topic as Topic, Number(partition)) - 1, told[stream] ?? -1);
    };
    return { seen, made: Number.POSITIVE_INFINITY, waiting: [] };
  });
  return { checkpoints, aggregates };
}

/** Folds the state of the services from log and blobs to where their documents say that they are. */
export async function rebuildStored(ports: Ports, service: FoldedService, stored: Stored): Promise<Stored> {
  const log = await readControlLog(ports, service.deciders);
  const ends = new Map<string, readonly { end: number }[]>();
  for (const topic of new Set(service.folds.flatMap(({ topics }) => topics)))
    ends.set(topic, await ports.bus.bounds(topic));
  const checkpoints = await refoldShards(ports, service, log, ({ service: name, topics }, partition) => {
    const checkpoint = stored.checkpoints.get(name)?.get(partition);
    // Every shard has a checkpoint as soon as it has an owner: where there is none it has been lost.
    const positions =
      checkpoint?.positions ??
      Object.fromEntries(topics.map((topic) => [topic, ends.get(topic)?.[partition]?.end ?? 0]));
    return { positions, exactly: true };
  });
  const aggregates = await refoldAggregates(ports, service, log, checkpoints, (name, id, { own }) => {
    const document = stored.aggregates.get(name)?.get(id);
    if (document === undefined && own.length === 0) return null;
    const seen: Seen = document?.seen ?? seenByOwn(own);
    return {
      seen: (stream) => seen[stream] ?? -1,
      made: document === undefined ? Number.POSITIVE_INFINITY : Math.max(0, ...Object.values(document.sequences)),
      waiting: document?.outbox.map(({ event }) => event) ?? [],
    };
  });
  return { checkpoints, aggregates };
}

async function refoldShards(
  ports: Ports,
  { folds }: FoldedService,
  log: ControlLog,
  upTo: (fold: FoldedService['folds'][number], partition: number) => UpTo,
): Promise<Stored['checkpoints']> {
  const all = new Map<string, Map<number, Checkpoint>>();
  for (const fold of folds) {
    const shards = new Map<number, Checkpoint>();
    for (let partition = 0; partition < ports.partitions; partition++) {
      const folded = await refoldShard(ports, fold, partition, upTo(fold, partition), log);
      if (folded !== null) shards.set(partition, { epoch: 0, ...folded });
    }
    all.set(fold.service, shards);
  }
  return all;
}

async function refoldAggregates(
  ports: Ports,
  { deciders }: FoldedService,
  log: ControlLog,
  checkpoints: Stored['checkpoints'],
  upTo: (service: string, id: string, events: AggregateEvents) => AggregateUpTo | null,
): Promise<Stored['aggregates']> {
  const shards = [...checkpoints.values()].flatMap((byPartition) => [...byPartition.values()]);
  const published = new Map(shards.flatMap((shard) => Object.entries(shard.published)));
  const all = new Map<string, Map<string, AggregateDocument>>();
  for (const decider of deciders) {
    const documents = new Map<string, AggregateDocument>();
    const limits = { whole: decider.topics.every(log.whole), published };
    for (const [id, events] of log.aggregates.get(decider.service) ?? []) {
      const limit = upTo(decider.service, id, events);
      const touched =
        limit !== null &&
        (events.own.length + limit.waiting.length > 0 ||
          events.inputs.some((input) => input.position <= limit.seen(streamOf(input))));
      if (!touched) continue;
      const folded = await refoldAggregate(ports, decider, id, events, limit, limits);
      const pipeline = id.split('/')[0] ?? id;
      const empty = emptyAggregate(pipeline, ports.catalog.controlPartition(pipeline), folded.state);
      documents.set(id, { ...empty, ...folded });
    }
    all.set(decider.service, documents);
  }
  return all;
}
