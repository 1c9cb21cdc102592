import { createMemoryBlobs } from '@relearn/blobs/memory';
import type { Bus, OutgoingRecord } from '@relearn/bus';
import { createMemoryBus } from '@relearn/bus/memory';
import {
  dataReceived,
  decodeEvent,
  type Event,
  encodeEvent,
  partitionFor,
  type PipelineSpec,
  pipelineApplied,
  recordsOf,
  topicNames,
  valuesOf,
} from '@relearn/contracts';
import { formatTimestamp, systemKernel } from '@relearn/kernel';
import { Activity, Catalog, checkpointCollection, clockCollection, type Ports } from '@relearn/runtime';
import { createMemoryStore } from '@relearn/store/memory';
import type { Cell, ColumnType, TableFile } from '@relearn/tabular';
import { silentTelemetry } from '@relearn/telemetry';

export const minute = 60_000;
export const hour = 60 * minute;
export const start = Date.UTC(2024, 0, 1);
export const iso = (ms: number) => formatTimestamp(ms);

export interface SpecChanges {
  readonly shardBy?: string;
  readonly id?: string[];
  readonly label?: Partial<PipelineSpec['label']>;
}

/** Trips whose delay is known on arrival, or as `label` says, and weather that is known an hour late. */
export function pipelineSpec({ shardBy, id = ['id'], label }: SpecChanges = {}): PipelineSpec {
  const knownWithLabel = { nullable: true, known_at: 'label' } as const;
  return {
    name: 'trips',
    description: '',
    entity: [],
    source: {
      rows: { files: [], time: 'at', id },
      context: { weather: { files: [], time: 'seen_at', id: [], known_after: hour } },
      lateness: 0,
      ...(shardBy === undefined ? {} : { shard_by: shardBy }),
      max_record_bytes: 2048,
    },
    schema: {
      columns: {
        id: { type: 'string', nullable: false },
        at: { type: 'timestamp', nullable: false },
        place: { type: 'category', nullable: true },
        delay: { type: 'number', ...knownWithLabel },
        arrived_at: { type: 'timestamp', ...knownWithLabel },
      },
      context: {
        weather: { seen_at: { type: 'timestamp', nullable: false }, rain: { type: 'number', nullable: true } },
      },
      window: { every: hour, null_share: {}, quarantine_share: 0.5 },
    },
    label:
      label === undefined ? { expression: 'delay > 10', known_at: 'arrived_at', ...delays } : { ...delays, ...label },
    features: [{ name: 'place', type: 'category', column: 'place' }],
    ...policy,
  };
}

const delays = { delay: 0, max_delay: 24 * hour, classes: ['0', '1'] };

/** What ingestion does not look at. */
const policy: Pick<PipelineSpec, 'train' | 'evaluate' | 'rollout' | 'monitor' | 'retrain'> = {
  train: {
    task: 'binary',
    window: null,
    hold_out: 0.1,
    validation: 0.1,
    minimum_rows: 10,
    seed: 1,
    deadline: hour,
    candidates: [{ name: 'one', trainer: 'baseline', parameters: {} }],
  },
  evaluate: {
    metrics: [{ name: 'roc_auc' }],
    champion: { test: 'bootstrap', confidence: 0.95, tolerance: 0, rounds: 100 },
  },
  rollout: { strategy: 'direct' },
  monitor: {
    window: 24 * hour,
    drift: { number: 'psi:binned', category: 'psi:binned', share: 0.5 },
    performance: { windows: 1, minimum_labels: 1 },
  },
  retrain: {
    performance: null,
    drift: null,
    volume: null,
    schedule: null,
    cooldown: 0,
    minimum_labels: 0,
    budget: { turns: 1, per: hour },
    back_off: 1,
  },
};

export interface Written {
  readonly partition: number;
  readonly stream: string;
  readonly id: string;
  readonly time: number;
  readonly values: Record<string, Cell>;
}

export interface World {
  readonly ports: Ports;
  /** Fails the next publications with this error. */
  failWith(error: Error | undefined): void;
  apply(spec: PipelineSpec): Promise<void>;
  events(): Promise<{ event: Event; partition: number; headers: Readonly<Record<string, string>> }[]>;
  /** Records of `data.raw`, partition by partition. */
  written(): Promise<Written[]>;
  stop(): Promise<void>;
}

/** Ports over memory adapters. */
export async function openWorld(partitions = 1): Promise<World> {
  let failure: Error | undefined;
  const memory = createMemoryBus(systemKernel);
  const publish = (records: readonly OutgoingRecord[]) =>
    failure === undefined ? memory.publish(records) : Promise.reject(failure);
  const bus: Bus = new Proxy(memory, {
    get: (target, name) => {
      if (name === 'publish') return publish;
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  await bus.ensureTopics(topicNames.map((name) => ({ name, partitions, retentionMs: null })));
  const store = createMemoryStore();
  await store.ensureCollections([{ name: clockCollection }, { name: checkpointCollection }]);
  const activity = new Activity(systemKernel.clock);
  const catalog = new Catalog(bus, partitions, systemKernel.clock);
  await catalog.start(activity);
  const ports: Ports = {
    kernel: systemKernel,
    bus,
    store,
    blobs: createMemoryBlobs(),
    workers: { run: () => Promise.reject(new Error('no workers')), stop: () => Promise.resolve() },
    telemetry: silentTelemetry(),
    catalog,
    activity,
    partitions,
    instance: 'test',
  };
  const events = async () => {
    const all = [];
    for (let partition = 0; partition < partitions; partition++) {
      const records = await memory.read('data.raw', partition, 0, { maxRecords: 100_000, maxBytes: 1 << 30 });
      all.push(...records.map((record) => ({ event: decodeEvent(record), partition, headers: record.headers })));
    }
    return all;
  };
  return {
    ports,
    failWith(error) {
      failure = error;
    },
    apply: (spec) => applyPipeline(ports, spec),
    events,
    async written() {
      return (await events()).flatMap(({ event, partition }) =>
        [...recordsOf(dataReceived.read(event).data)].map((record) => {
          const { stream, id, time } = record;
          return { partition, stream, id, time, values: valuesOf(record) };
        }),
      );
    },
    async stop() {
      await catalog.stop();
      await bus.close();
    },
  };
}

async function applyPipeline({ bus, catalog, partitions }: Ports, spec: PipelineSpec): Promise<void> {
  const partition = partitionFor(spec.name, partitions);
  const all = Array.from({ length: partitions }, (_, index) => index);
  const event: Event = {
    id: 'applied',
    source: `pipelines/${spec.name}/control`,
    sequence: 1,
    previous: null,
    time: iso(start),
    type: pipelineApplied.type,
    pipeline: spec.name,
    pipelineversion: 1,
    data: { spec, digest: '1', shards: spec.source.shard_by === undefined ? [partition] : all },
  };
  await bus.publish([{ topic: 'control', partition, key: spec.name, ...encodeEvent(event) }]);
  await catalog.known(spec.name, 1);
}

/** A data file of these rows. */
export function tableOf(types: Record<string, ColumnType>, rows: readonly Record<string, Cell>[]): TableFile {
  const names = Object.keys(types);
  return {
    path: 'trips.csv',
    format: 'csv',
    schema: { columns: Object.entries(types).map(([name, type]) => ({ name, type })) },
    rowCount: rows.length,
    contentHash: 'f00d'.repeat(16),
    async *chunks() {
      for (let firstRow = 0; firstRow < rows.length; firstRow += 3) {
        const some = rows.slice(firstRow, firstRow + 3);
        const columns = Object.fromEntries(names.map((name) => [name, some.map((row) => row[name] ?? null)]));
        yield { firstRow, rows: some.length, columns };
      }
    },
  };
}
