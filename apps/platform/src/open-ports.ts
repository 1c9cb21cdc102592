import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openFolderBlobs } from '@relearn/blobs/folder';
import { openEmbeddedBus } from '@relearn/bus/embedded';
import { topicNames, topics } from '@relearn/contracts';
import { type Kernel, RelearnError } from '@relearn/kernel';
import {
  Activity,
  aggregateCollection,
  Catalog,
  checkpointCollection,
  clockCollection,
  leaseCollection,
  type Ports,
  withDataref,
} from '@relearn/runtime';
import { createWorkers } from '@relearn/runtime/workers';
import { openSqlite } from '@relearn/sqlite';
import { openEmbeddedStore } from '@relearn/store/embedded';
import type { Telemetry } from '@relearn/telemetry';
import { observedBus } from './observed.js';
import { replayCollection } from './replay/progress.js';

export interface OpenPortsOptions {
  readonly folder: string;
  readonly kernel: Kernel;
  readonly telemetry: Telemetry;
  readonly partitions: number;
  /** False for a folder that is thrown away: nothing waits for the disk. */
  readonly durable: boolean;
  /** Job results wait until they are taken in order. */
  readonly holdResults: boolean;
  /** Called when the storage has failed for good. */
  readonly onFailure: (error: RelearnError) => void;
}

export interface OpenedPorts {
  readonly ports: Ports;
  close(): Promise<void>;
}

const deciders = ['feature', 'training', 'evaluation', 'registry', 'serving', 'monitoring'];

/** Opens the embedded adapters on a folder: bus and store in one database, blobs in files. What fails leaves nothing open. */
export async function openPorts(options: OpenPortsOptions): Promise<OpenedPorts> {
  await makeFolder(options.folder);
  const closers: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const ports = await openAll(options, (closer) => closers.push(closer));
    return { ports, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

async function openAll(options: OpenPortsOptions, closedBy: (closer: () => Promise<void>) => void): Promise<Ports> {
  const { folder, kernel, telemetry, partitions, durable } = options;
  const engine = await openSqlite({ folder, durable, onFailure: options.onFailure });
  closedBy(() => engine.close());
  const blobs = await openFolderBlobs(join(folder, 'blobs'), { durable });
  closedBy(() => blobs.close());
  const store = await openEmbeddedStore(engine);
  closedBy(() => store.close());
  const embedded = await openEmbeddedBus(engine, kernel, {
    onBackgroundError: (error) => telemetry.log.warn({ code: error.code }, error.message),
  });
  const observed = observedBus(embedded, telemetry, () => kernel.clock.now());
  const bus = withDataref(observed, blobs);
  closedBy(() => bus.close());
  await bus.ensureTopics(topicNames.map((name) => ({ name, partitions, retentionMs: topics[name].retentionMs })));
  const collections = [checkpointCollection, clockCollection, leaseCollection, replayCollection];
  await store.ensureCollections([...collections, ...deciders.map(aggregateCollection)].map((name) => ({ name })));
  const workers = createWorkers({ size: 2 });
  closedBy(() => workers.stop());
  const catalog = new Catalog(bus, partitions);
  const activity = new Activity(kernel.clock, options.holdResults);
  await catalog.start(activity);
  closedBy(() => catalog.stop());
  const instance = `embedded-${kernel.chance.id()}`;
  return { kernel, bus, store, blobs, workers, telemetry, catalog, activity, partitions, instance };
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (thrown) {
    const { message } = RelearnError.from(thrown);
    throw new RelearnError('STORAGE_FAILED', `the data folder ${folder} cannot be made: ${message}`, {
      cause: thrown,
      remedy: 'Set RELEARN_DATA to a folder that can be written.',
    });
  }
}
