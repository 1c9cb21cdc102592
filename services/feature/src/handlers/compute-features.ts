import { dataValidated, featuresComputed, type LoggedEvent, rowAddress } from '@relearn/contracts';
import {
  decodeSegment,
  emptySegment,
  encodeSegment,
  featureSetHash,
  type FeatureRows,
  type SegmentRef,
} from '@relearn/features';
import { emission, type Emission, type FoldDefinition, type Parts, type Shard } from '@relearn/runtime';
import { backfill } from './backfill.js';
import { refillOnline } from './refill-online.js';
import { PipelineState } from '../domain/pipeline-state.js';

/** A shard's pipelines by name. */
export type FeatureShard = Map<string, PipelineState>;

const text = new TextEncoder();
const utf8 = new TextDecoder();

/** The part `PIPELINE/segments` of the fold's checkpoint. */
export interface SavedPipeline {
  readonly version: number;
  /** Hash of the feature set that the segments hold. */
  readonly featureSet: string;
  readonly segments: SegmentRef[];
}

/** Computes features of valid rows, once an event, and logs them for training. Emits one feature row for each valid row. */
export function computeFeatures(shards: Map<number, FeatureShard>): FoldDefinition<FeatureShard> {
  const versions = new WeakMap<PipelineState, number>();
  return {
    service: 'feature',
    topics: ['data.valid'],
    sequenced: () => true,
    async open(shard, saved) {
      const state = await openShard(shard, saved, versions);
      shards.set(shard.partition, state);
      return state;
    },
    release: (partition) => void shards.delete(partition),
    async apply(state, logged, fromRow, shard) {
      const event = dataValidated.read(logged);
      const { spec, version } = await shard.ports.catalog.known(event.pipeline, event.pipelineversion);
      let pipeline = state.get(event.pipeline);
      if (pipeline === undefined || pipeline.featureSet !== featureSetHash(spec)) {
        const replaced = pipeline !== undefined;
        pipeline = new PipelineState(spec);
        if (replaced) await backfill(pipeline, event.pipeline, logged, shard);
        state.set(event.pipeline, pipeline);
      }
      versions.set(pipeline, version);
      const addresses = event.data.order.map((_, index) => rowAddress(logged.position, index));
      const rows = pipeline.apply(event.data, addresses, fromRow, (segment) => shard.blob(encodeSegment(segment)));
      return [featuresOf(logged, rows, addresses.at(-1) ?? 0, pipeline.watermark(), shard.partition)];
    },
    save(state) {
      const parts = new Map<string, Uint8Array>();
      for (const [name, pipeline] of state) {
        const { featureSet, segments } = pipeline;
        const saved: SavedPipeline = { version: versions.get(pipeline) ?? 0, featureSet, segments };
        parts.set(`${name}/segments`, text.encode(JSON.stringify(saved)));
        parts.set(`${name}/tail`, encodeSegment(pipeline.tail));
        parts.set(`${name}/engine`, pipeline.saveEngine());
      }
      return parts;
    },
    counts: (state) => Object.fromEntries([...state].map(([name, pipeline]) => [name, { rows: pipeline.size }])),
  };
}

async function openShard(shard: Shard, saved: Parts, versions: WeakMap<PipelineState, number>): Promise<FeatureShard> {
  const state: FeatureShard = new Map();
  for (const [part, bytes] of saved) {
    const [name = '', kind] = part.split('/');
    if (kind !== 'segments') continue;
    const { version, segments } = JSON.parse(utf8.decode(bytes)) as SavedPipeline;
    const engine = saved.get(`${name}/engine`);
    const tail = saved.get(`${name}/tail`);
    const { spec } = await shard.ports.catalog.known(name, version);
    const pipeline = new PipelineState(
      spec,
      engine === undefined
        ? undefined
        : { engine, segments, tail: tail === undefined ? emptySegment() : decodeSegment(tail) },
    );
    versions.set(pipeline, version);
    state.set(name, pipeline);
  }
  await refillOnline(state, shard);
  return state;
}

function featuresOf(
  event: LoggedEvent,
  rows: FeatureRows,
  sequence: number,
  watermark: number | null,
  partition: number,
): Emission {
  const { ids, times, at, columns } = rows;
  const slice = (from: number, to: number) => ({
    sequence: to === ids.length ? sequence : (at[to - 1] ?? sequence),
    data: {
      ids: ids.slice(from, to),
      times: times.slice(from, to),
      at: at.slice(from, to),
      columns: Object.fromEntries(Object.entries(columns).map(([name, cells]) => [name, cells.slice(from, to)])),
      watermark,
    },
  });
  return emission({
    type: featuresComputed,
    pipeline: event.pipeline,
    pipelineVersion: event.pipelineversion,
    source: `feature/${event.pipeline}/${partition}/features`,
    sequence,
    time: Date.parse(event.time),
    partition,
    causationId: event.id,
    data: { ids, times, at, columns, watermark },
    rows: { count: ids.length, slice },
  });
}
