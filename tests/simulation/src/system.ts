import type { Blobs } from '@relearn/blobs';
import { createMemoryBlobs } from '@relearn/blobs/memory';
import type { Bus } from '@relearn/bus';
import { createMemoryBus } from '@relearn/bus/memory';
import { topicNames } from '@relearn/contracts';
import { createEvaluation } from '@relearn/evaluation';
import { createFeature } from '@relearn/feature';
import { createIngestion } from '@relearn/ingestion';
import { type Kernel, Lifecycle, noFailpoints, type Part, seededChance } from '@relearn/kernel';
import { createMonitoring } from '@relearn/monitoring';
import { createRegistry } from '@relearn/registry';
import {
  Activity,
  aggregateCollection,
  Catalog,
  checkpointCollection,
  clockCollection,
  leaseCollection,
  type Ports,
} from '@relearn/runtime';
import { createServing } from '@relearn/serving';
import type { Store } from '@relearn/store';
import { createMemoryStore } from '@relearn/store/memory';
import { createLog, metricNames, silentTelemetry, type Telemetry } from '@relearn/telemetry';
import { createTraining } from '@relearn/training';
import { createValidation } from '@relearn/validation';
import { parsePipeline } from '@relearn/platform';
import { LeaseWatch } from './leases.js';
import { simulatedBlobs, simulatedStore, tracedBus } from './ports.js';
import { epoch, type SimulatedProcess } from './process.js';
import type { Scheduler } from './scheduler.js';
import { type Membership, simulatedBus } from './simulated-bus.js';
import { simulatedSessions } from './simulated-sessions.js';
import { simulatedWorkers } from './simulated-workers.js';

export const serviceNames = [
  'ingestion',
  'validation',
  'feature',
  'training',
  'evaluation',
  'registry',
  'serving',
  'monitoring',
] as const;
export type ServiceName = (typeof serviceNames)[number];

/** What outlives processes: log, documents, blobs. */
export interface Durable {
  readonly bus: Bus;
  readonly store: Store;
  readonly blobs: Blobs;
  readonly partitions: number;
  readonly leases: LeaseWatch;
}

const deciders = ['feature', 'training', 'evaluation', 'registry', 'serving', 'monitoring'];

export async function createDurable(scheduler: Scheduler, partitions: number): Promise<Durable> {
  const pause = (ms: number) => new Promise<void>((resolve) => scheduler.after(ms, 'retention', resolve));
  const kernel: Kernel = {
    clock: {
      now: () => scheduler.now,
      wall: () => epoch + scheduler.now,
      sleep: pause,
      after: (ms, callback) => {
        const step = scheduler.after(ms, 'bus', callback);
        return { cancel: () => void (step.run = null) };
      },
      breathe: () => pause(0),
    },
    chance: seededChance(1),
    failpoints: noFailpoints,
  };
  const bus = tracedBus(createMemoryBus(kernel), scheduler);
  await bus.ensureTopics(topicNames.map((name) => ({ name, partitions, retentionMs: null })));
  const store = createMemoryStore();
  const collections = [checkpointCollection, clockCollection, leaseCollection, ...deciders.map(aggregateCollection)];
  await store.ensureCollections(collections.map((name) => ({ name })));
  return { bus, store, blobs: createMemoryBlobs(), partitions, leases: new LeaseWatch(scheduler) };
}

const quiet = silentTelemetry();
const nothing = () => undefined;
const untold = { add: nothing, observe: nothing, set: nothing, clear: nothing };

/** Without figures, and without the storage that follows a span through promises: it would make each promise dearer. */
const silent: Telemetry = {
  ...quiet,
  metrics: {
    ...quiet.metrics,
    ...Object.fromEntries(Object.keys(metricNames).map((name) => [name, untold])),
    beforeRender: nothing,
  },
  span: (_name, { parent }, work) => work({ traceparent: parent, traceId: undefined, setAttributes: () => undefined }),
  currentTraceparent: () => undefined,
};
const code = { version: '0', trainers: '', lockFile: '', commit: '', node: '', onnxRuntime: '' };

export interface ProcessOptions {
  readonly scheduler: Scheduler;
  readonly durable: Durable;
  readonly services: readonly ServiceName[];
  readonly shared: boolean;
  readonly onJoined: (membership: Membership) => void;
}

/** Warnings and errors of the process go into the trace. */
function telling(process: SimulatedProcess, scheduler: Scheduler): Telemetry {
  const write = (line: string) => scheduler.remark(`${process.name} says ${line.trim().slice(0, 600)}`);
  return { ...silent, log: createLog({ level: 'warn', stream: { write } }) };
}

/** The services of one process, as the platform puts them together. */
export function createProcess(process: SimulatedProcess, options: ProcessOptions) {
  const { durable, scheduler, shared } = options;
  const { partitions } = durable;
  const bus = simulatedBus({ scheduler, process, bus: durable.bus, shared, onJoined: options.onJoined });
  const catalog = new Catalog(bus, partitions, process.kernel.clock);
  const activity = new Activity(process.kernel.clock);
  const ports: Ports = {
    kernel: process.kernel,
    bus,
    store: simulatedStore(process, durable.leases.watched(durable.store, process.name)),
    blobs: simulatedBlobs(process, durable.blobs),
    workers: simulatedWorkers(process, scheduler),
    telemetry: scheduler.keepsTrace ? telling(process, scheduler) : silent,
    catalog,
    activity,
    partitions,
    instance: process.name,
  };
  const registry = createRegistry(ports, { deadlines: true, parse: parsePipeline });
  const serving = createServing(ports, { sessions: simulatedSessions(process) });
  const monitoring = createMonitoring(ports);
  const ingestion = createIngestion(ports);
  const all = [
    serving,
    registry,
    createEvaluation(ports, code),
    createTraining(ports),
    createFeature(ports),
    createValidation(ports),
    monitoring,
    ingestion,
  ];
  const wanted = new Set<string>(options.services);
  const lifecycle = new Lifecycle();
  const view: Part = { name: 'catalogue', start: () => catalog.start(activity), stop: () => catalog.stop() };
  lifecycle.add(view);
  for (const { manifest, parts } of all) if (wanted.has(manifest.name)) for (const part of parts) lifecycle.add(part);
  const folds = all.flatMap((service) => ('deciders' in service ? (service.deciders ?? []) : []));
  return {
    process,
    ports,
    lifecycle,
    folds: folds.map((decider) => ({ decider })),
    door: ingestion.door,
    registry: registry.commands,
    monitoring: monitoring.commands,
    host: serving.host,
    services: options.services,
  };
}

export type Running = ReturnType<typeof createProcess>;
