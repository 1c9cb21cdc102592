import { createMemoryBlobs } from '@relearn/blobs/memory';
import { createMemoryBus } from '@relearn/bus/memory';
import {
  BatchBuilder,
  type Cell,
  dataReceived,
  decodeEvent,
  type Event,
  encodeEvent,
  partitionFor,
  type PipelineSpec,
  pipelineApplied,
  type Topic,
  topicNames,
} from '@relearn/contracts';
import { type Clock, type Failpoints, formatTimestamp, type Kernel, systemChance, systemClock } from '@relearn/kernel';
import { Activity, Catalog, checkpointCollection, clockCollection, type Ports } from '@relearn/runtime';
import { createMemoryStore } from '@relearn/store/memory';
import { silentTelemetry } from '@relearn/telemetry';

export const hour = 3_600_000;
export const start = Date.UTC(2024, 0, 1);

/** A small pipeline with a context stream; tests change what they are about. */
export function pipelineSpec(
  changes: { shardBy?: string; window?: Partial<PipelineSpec['schema']['window']> } = {},
): PipelineSpec {
  return {
    name: 'trips',
    description: '',
    entity: [],
    source: {
      rows: { files: [], time: 'at', id: ['id'] },
      context: { weather: { files: [], time: 'seen_at', id: ['place', 'seen_at'], known_after: hour } },
      lateness: 0,
      ...(changes.shardBy === undefined ? {} : { shard_by: changes.shardBy }),
      max_record_bytes: 262_144,
    },
    schema: {
      columns: {
        id: { type: 'string', nullable: false },
        at: { type: 'timestamp', nullable: false },
        place: { type: 'category', nullable: false, values: ['north', 'south'] },
        distance: { type: 'number', nullable: true, range: [0, 1000] },
        stops: { type: 'integer', nullable: true },
        code: { type: 'string', nullable: true, pattern: '^[A-Z]{2}$' },
        express: { type: 'boolean', nullable: true },
        delay: { type: 'number', nullable: true, known_at: 'label' },
        arrived_at: { type: 'timestamp', nullable: true, known_at: 'label' },
      },
      context: {
        weather: {
          place: { type: 'category', nullable: false },
          seen_at: { type: 'timestamp', nullable: false },
          rain: { type: 'number', nullable: true },
        },
      },
      window: { every: hour, null_share: {}, quarantine_share: 0.5, ...changes.window },
    },
    label: { expression: 'delay > 10', known_at: 'arrived_at', delay: 0, max_delay: 24 * hour, classes: ['0', '1'] },
    features: [{ name: 'distance', type: 'number', column: 'distance' }],
    ...policy,
  };
}

/** What validation does not look at. */
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

export interface Crash {
  readonly point: string;
  readonly hit: number;
}

export interface World {
  readonly ports: Ports;
  apply(spec: PipelineSpec): Promise<void>;
  read(topic: Topic): Promise<(Event & { position: number; partition: number })[]>;
  stop(): Promise<void>;
}

/** The named failpoint throws when it is hit the `hit`th time; whoever then waits to try again does not wait long. */
function testKernel({ point, hit }: Crash): Kernel {
  let left = hit;
  const failpoints: Failpoints = {
    hit(name) {
      if (name !== point) return;
      left -= 1;
      if (left === 0) throw new Error(`failpoint ${name}`);
    },
  };
  const clock: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 2), signal) };
  return { clock, chance: systemChance, failpoints };
}

/** Ports over memory adapters; `partitions` of each topic. */
export async function openWorld(crash: Crash = { point: '', hit: 0 }): Promise<World> {
  const partitions = 1;
  const kernel = testKernel(crash);
  const bus = createMemoryBus(kernel);
  await bus.ensureTopics(topicNames.map((name) => ({ name, partitions, retentionMs: null })));
  const store = createMemoryStore();
  await store.ensureCollections([{ name: checkpointCollection }, { name: clockCollection }]);
  const activity = new Activity(kernel.clock);
  const catalog = new Catalog(bus, partitions, kernel.clock);
  await catalog.start(activity);
  const ports: Ports = {
    kernel,
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
  const versions = new Map<string, number>();
  return {
    ports,
    async apply(spec) {
      const version = (versions.get(spec.name) ?? 0) + 1;
      versions.set(spec.name, version);
      const all = Array.from({ length: partitions }, (_, partition) => partition);
      const shards = spec.source.shard_by === undefined ? [partitionFor(spec.name, partitions)] : all;
      const source = `pipelines/${spec.name}/control`;
      const event: Event = {
        ...attributes(source, version),
        type: pipelineApplied.type,
        pipeline: spec.name,
        pipelineversion: version,
        data: { spec, digest: String(version), shards },
      };
      const partition = partitionFor(spec.name, partitions);
      await bus.publish([{ topic: 'control', partition, key: spec.name, ...encodeEvent(event) }]);
      await catalog.known(spec.name, version);
    },
    async read(topic) {
      const events = [];
      for (let partition = 0; partition < partitions; partition++) {
        const records = await bus.read(topic, partition, 0, { maxRecords: 100_000, maxBytes: 1 << 30 });
        events.push(...records.map((record) => ({ ...decodeEvent(record), position: record.position, partition })));
      }
      return events;
    },
    async stop() {
      await catalog.stop();
      await bus.close();
    },
  };
}

function attributes(source: string, sequence: number) {
  return { id: `${source}@${sequence}`, source, sequence, previous: null, time: formatTimestamp(start) };
}

export interface TestRecord {
  readonly stream: string;
  readonly id: string;
  readonly time: number;
  readonly values: Record<string, Cell>;
}

/** Puts one batch of records into `data.raw`. */
export async function publishRaw(
  ports: Ports,
  pipeline: string,
  records: readonly TestRecord[],
  version = 1,
): Promise<void> {
  const builder = new BatchBuilder();
  for (const { stream, id, time, values } of records) builder.add(stream, id, time, values);
  const event: Event = {
    ...attributes(`test/${ports.kernel.chance.id()}`, 0),
    type: dataReceived.type,
    pipeline,
    pipelineversion: version,
    data: builder.build(),
  };
  const headers = { ce_records: String(records.length) };
  const encoded = encodeEvent(event);
  const partition = partitionFor(pipeline, ports.partitions);
  await ports.bus.publish([
    { topic: 'data.raw', partition, key: pipeline, ...encoded, headers: { ...encoded.headers, ...headers } },
  ]);
}
