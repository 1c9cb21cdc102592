import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { OpenedPorts } from '@relearn/platform';
import { inject } from 'vitest';
import { type Guard, startGuard } from '../brokers/guard.js';
import { freePorts } from '../brokers/protocols.js';
import { until } from '../brokers/server.js';
import { type Processes, startProcesses } from '../e2e/processes.js';
import { openSharedPorts, type Settings } from '../e2e/shared-engines.js';
import { partitions } from '../e2e/world.js';
import type { Victim } from './disturb.js';

/** The platform in a mode, with everything in it that can be killed. */
export interface Stage {
  readonly url: string;
  readonly victims: readonly Victim[];
  /** To read the log; embedded, once the platform has been stopped. */
  open(): Promise<OpenedPorts>;
  /** Ends the platform as an operator does. */
  stop(): Promise<void>;
  /** Takes everything away. */
  end(): Promise<void>;
  logs(): Promise<string>;
}

const foldPoints = ['before-publish', 'after-publish', 'before-checkpoint', 'after-checkpoint'];
const deciderPoints = ['before-write', 'after-write', 'before-outbox', 'after-outbox'];
const pointsOf = (service: string, points: readonly string[]) => points.map((point) => `${service}:${point}`);
const job = 'after-job';

const failpoints: Readonly<Record<string, readonly string[]>> = {
  ingestion: [],
  validation: pointsOf('validation', foldPoints),
  feature: pointsOf('feature', [...foldPoints, ...deciderPoints, job]),
  training: pointsOf('training', [...deciderPoints, job]),
  evaluation: pointsOf('evaluation', [...deciderPoints, job]),
  registry: pointsOf('registry', deciderPoints),
  serving: pointsOf('serving', [...foldPoints, ...deciderPoints, job]),
  monitoring: pointsOf('monitoring', [...foldPoints, ...deciderPoints]),
  console: [],
};

const armed = (failpoint: string | null) => (failpoint === null ? {} : { RELEARN_FAILPOINT: failpoint });

/** One process with everything on a folder. */
export async function embeddedStage(folder: string): Promise<Stage> {
  const guard = await startGuard();
  const [http = 0, grpc = 0] = await freePorts(2);
  const url = `http://127.0.0.1:${http}`;
  const settings: Settings = {
    RELEARN_DATA: join(folder, 'data'),
    RELEARN_HTTP: `127.0.0.1:${http}`,
    RELEARN_GRPC: `127.0.0.1:${grpc}`,
    RELEARN_PARTITIONS: partitions,
    RELEARN_LOG: 'warn',
  };
  const name = 'relearn';
  const launcher = join(import.meta.dirname, '..', '..', 'apps', 'cli', 'bin', 'relearn.mjs');
  const start = async (failpoint: string | null) => {
    await guard.start(name, process.execPath, [launcher, 'up'], { ...settings, ...armed(failpoint) });
    await untilReady(name, url, guard, failpoint);
  };
  await start(null);
  const victim: Victim = {
    name,
    failpoints: Object.values(failpoints).flat(),
    start,
    kill: () => guard.signal(name, 'SIGKILL'),
    freeze: {
      stop: () => guard.signal(name, 'SIGSTOP'),
      go: () => guard.signal(name, 'SIGCONT'),
    },
    gone: () => guard.gone(name) !== undefined,
  };
  return {
    url,
    victims: [victim],
    open: () => openSharedPorts(settings),
    stop: () => guard.signal(name, 'SIGTERM'),
    end: () => guard.end(),
    logs: async () => guard.gone(name) ?? '',
  };
}

async function untilReady(name: string, url: string, guard: Guard, failpoint: string | null): Promise<void> {
  const ready = async () => {
    // What is armed may go off before it is ready.
    if (failpoint !== null && guard.gone(name) !== undefined) return true;
    const response = await fetch(`${url}/readyz`).catch(() => null);
    return response?.status === 200;
  };
  await until(name, ready, () => guard.gone(name));
}

/** A process a service on engines of its own, which die too. */
export async function distributedStage(bus: 'kafka' | 'nats', folder: string): Promise<Stage> {
  const [theBus, theStore] = await Promise.all([ownEngine(bus), ownEngine('mongodb')]);
  const name = `chaos-${randomBytes(4).toString('hex')}`;
  const prefix = bus === 'kafka' ? `kafka://${theBus.address}?prefix=${name}.` : `${theBus.address}?prefix=${name}`;
  const settings: Settings = {
    RELEARN_BUS: prefix,
    RELEARN_STORE: `${theStore.address}/${name}`,
    RELEARN_BLOBS: `file:${join(folder, 'blobs')}`,
    RELEARN_PARTITIONS: partitions,
    RELEARN_LOG: 'warn',
  };
  const processes = await startProcesses(settings);
  return {
    url: processes.url,
    victims: [
      ...Object.keys(failpoints).map((service) => serviceVictim(processes, service)),
      theBus.victim,
      theStore.victim,
    ],
    open: () => openSharedPorts(settings),
    stop: async () => undefined,
    end: () => processes.kill(),
    logs: () => processes.logs(),
  };
}

function serviceVictim(processes: Processes, service: string): Victim {
  return {
    name: service,
    failpoints: failpoints[service] ?? [],
    async start(failpoint) {
      try {
        await processes.restart(service, armed(failpoint));
      } catch (thrown) {
        // What is armed may go off before it is ready.
        if (failpoint === null || processes.gone(service) === undefined) throw thrown;
      }
    },
    kill: () => processes.signal(service, 'SIGKILL'),
    freeze: {
      stop: () => processes.signal(service, 'SIGSTOP'),
      go: () => processes.signal(service, 'SIGCONT'),
    },
    gone: () => processes.gone(service) !== undefined,
  };
}

/** A server of the run's kind that only this test uses. */
async function ownEngine(engine: 'kafka' | 'nats' | 'mongodb'): Promise<{ address: string; victim: Victim }> {
  const { control } = inject('engines');
  if (control === null) throw new Error(`${engine} is not a server of this run: it cannot be killed`);
  const order = async (path: string) => {
    const response = await fetch(`${control}/${path}`, { method: 'POST' });
    const body = (await response.json()) as { readonly error?: string; readonly name?: string; address?: string };
    if (!response.ok) throw new Error(`${path}: ${body.error ?? response.status}`);
    return body;
  };
  const { name = engine, address = '' } = await order(`${engine}/another`);
  const victim: Victim = {
    name: engine,
    failpoints: [],
    start: async () => void (await order(`${name}/restart`)),
    kill: async () => void (await order(`${name}/kill`)),
    freeze: null,
    gone: () => false,
  };
  return { address, victim };
}
