import { hostname } from 'node:os';
import { topicNames, topics } from '@relearn/contracts';
import { type Kernel, type Part, type RelearnError } from '@relearn/kernel';
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
import type { Telemetry } from '@relearn/telemetry';
import type { Engines } from './config/engines.js';
import type { Environment } from './config/settings.js';
import { type OpenEngines, openEngines } from './engines/open-engines.js';
import { observedBus } from './observed.js';
import { replayCollection } from './replay/progress.js';
import { Standing } from './standing.js';

export interface OpenPortsOptions {
  readonly engines: Engines;
  readonly kernel: Kernel;
  readonly telemetry: Telemetry;
  readonly partitions: number;
  /** False for a folder that is thrown away: nothing waits for the disk. */
  readonly durable: boolean;
  /** Job results wait until they are taken in order. */
  readonly holdResults: boolean;
  /** Called when the storage has failed for good. */
  readonly onFailure: (error: RelearnError) => void;
  /** The environment, for the engines' own settings. */
  readonly env?: Environment;
  /** Hears of engines that are away; without it one is made. */
  readonly standing?: Standing;
  /** Ends the waiting for engines. */
  readonly signal?: AbortSignal;
  /** Engines that somebody else has opened, and closes. */
  readonly opened?: OpenEngines;
}

export interface OpenedPorts {
  readonly ports: Ports;
  close(): Promise<void>;
}

const deciders = ['feature', 'training', 'evaluation', 'registry', 'serving', 'monitoring'];

/**
 * Opens the engines' adapters, with topics and collections as they must be, and what a process has beside them. Where
 * processes share the engines it waits until they are there. What fails leaves nothing open.
 */
export async function openPorts(options: OpenPortsOptions): Promise<OpenedPorts> {
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
  const { engines, kernel, telemetry, partitions, durable } = options;
  const { clock } = kernel;
  const shared = engines.kind === 'shared' || options.opened?.bus.features.sharedBetweenProcesses === true;
  const instance = `${shared ? hostname() : 'embedded'}-${kernel.chance.id()}`;
  const { standing = new Standing(kernel, telemetry.log), signal = new AbortController().signal } = options;
  // An embedded engine that is not there is an error; one that processes share is waited for.
  const until = <T>(name: string, work: () => Promise<T>) => (shared ? standing.until(name, work, signal) : work());
  const opened =
    options.opened ??
    (await openEngines(engines, {
      kernel,
      log: telemetry.log,
      durable,
      env: options.env ?? {},
      standing,
      signal,
      closedBy,
      onFailure: options.onFailure,
    }));
  const { store, blobs } = opened;
  const bus = withDataref(
    observedBus(opened.bus, telemetry, () => clock.now()),
    blobs,
  );
  const wanted = topicNames.map((name) => ({ name, partitions, retentionMs: topics[name].retentionMs }));
  await until('bus', () => bus.ensureTopics(wanted));
  const collections = [checkpointCollection, clockCollection, leaseCollection, replayCollection];
  const all = [...collections, ...deciders.map(aggregateCollection)].map((name) => ({ name }));
  await until('store', () => store.ensureCollections(all));
  const workers = createWorkers({ size: 2 });
  closedBy(() => workers.stop());
  const catalog = new Catalog(bus, partitions, clock);
  closedBy(() => catalog.stop());
  const activity = new Activity(clock, options.holdResults);
  await until('bus', () => catalog.start(activity));
  return { kernel, bus, store, blobs, workers, telemetry, catalog, activity, partitions, instance };
}

/** A part whose start waits for what is away; what its first tries have begun must not stand in the way of the next. */
export function patient(part: Part, standing: Standing, signal: AbortSignal): Part {
  const { name } = part;
  return {
    name,
    start: () => standing.until(`start of the ${name}`, () => part.start(), signal),
    stop: () => part.stop(),
  };
}
