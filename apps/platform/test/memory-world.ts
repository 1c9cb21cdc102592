import { createMemoryBlobs } from '@relearn/blobs/memory';
import { createMemoryBus } from '@relearn/bus/memory';
import { type DataOf, encodeEvent, type EventType, partitionFor, topicNames } from '@relearn/contracts';
import { formatTimestamp, Lifecycle, type Part, systemKernel } from '@relearn/kernel';
import { InProcessRpc } from '@relearn/rpc/in-process';
import {
  Activity,
  aggregateCollection,
  Catalog,
  checkpointCollection,
  clockCollection,
  leaseCollection,
  type Ports,
  setBusinessNow,
} from '@relearn/runtime';
import { createMemoryStore } from '@relearn/store/memory';
import { silentTelemetry } from '@relearn/telemetry';

export const pipeline = 'parcels';
export const day = 86_400_000;
export const start = Date.UTC(2024, 0, 1);
export const iso = (ms: number) => formatTimestamp(ms);

/** Parcels that are late or not, and what the model sees of them. */
export const pipelineFile = `
name: ${pipeline}
entity: [city]
source:
  rows: { time: at, id: [id] }
schema:
  columns:
    id: string
    at: timestamp
    city: category
    weight: number
    late: { type: boolean, nullable: true, known_at: label }
label: { column: late, delay: 1h, max_delay: 2d }
features: [city, weight]
train: { task: binary, minimum_rows: 100 }
`;

export interface World {
  readonly ports: Ports;
  readonly rpc: InProcessRpc;
  /** Starts services' parts. */
  start(parts: readonly Part[]): Promise<void>;
  /** Writes an event as some service would have, and waits until everybody has taken it. Answers its id. */
  given<T extends EventType>(type: T, data: DataOf<T>, time?: number): Promise<string>;
  /** A blob of this JSON; answers its digest. */
  blob(value: unknown): Promise<string>;
  stop(): Promise<void>;
}

const partitions = 2;
const services = ['feature', 'training', 'evaluation', 'registry', 'serving', 'monitoring'];

/** Ports over memory adapters. */
export async function openWorld(): Promise<World> {
  const bus = createMemoryBus(systemKernel);
  await bus.ensureTopics(topicNames.map((name) => ({ name, partitions, retentionMs: null })));
  const store = createMemoryStore();
  const collections = [checkpointCollection, clockCollection, leaseCollection, ...services.map(aggregateCollection)];
  await store.ensureCollections(collections.map((name) => ({ name })));
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
  await setBusinessNow(ports, pipeline, start);
  const rpc = new InProcessRpc(systemKernel.clock);
  const lifecycle = new Lifecycle();
  let sequence = 0;
  return {
    ports,
    rpc,
    async start(parts) {
      for (const part of parts) lifecycle.add(part);
      await lifecycle.start();
    },
    async given(type, data, time = start) {
      sequence += 1;
      const id = `given@${sequence}`;
      const attributes = { id, source: 'given', type: type.type, sequence, previous: null, pipeline };
      const event = { ...attributes, time: iso(time), pipelineversion: 1, data };
      const partition = partitionFor(pipeline, partitions);
      await bus.publish([{ topic: type.topic, partition, key: pipeline, ...encodeEvent(event) }]);
      await activity.idle(bus);
      return id;
    },
    blob: (value) => ports.blobs.put(new TextEncoder().encode(JSON.stringify(value))),
    async stop() {
      await rpc.close();
      await lifecycle.stop();
      await catalog.stop();
      await bus.close();
    },
  };
}
