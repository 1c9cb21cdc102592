import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryBlobs } from '@relearn/blobs/memory';
import { type Bus, forwarding } from '@relearn/bus';
import { createMemoryBus } from '@relearn/bus/memory';
import { RelearnError, systemKernel } from '@relearn/kernel';
import type { ServiceName } from '../src/service-names.js';
import { createMemoryStore } from '@relearn/store/memory';
import { silentTelemetry } from '@relearn/telemetry';
import { readConfig } from '../src/config/config.js';
import type { OpenEngines } from '../src/engines/open-engines.js';
import { type Platform, startPlatform } from '../src/start.js';

/** Engines that processes share, which can be away. */
export interface SharedMemory extends OpenEngines {
  away: boolean;
}

export function sharedMemory(): SharedMemory {
  const bus = createMemoryBus(systemKernel);
  const gone = () => new RelearnError('UNAVAILABLE', 'no broker answers');
  const shared: Bus = {
    ...forwarding(bus),
    features: { ...bus.features, sharedBetweenProcesses: true },
    ensureTopics: (topics) => (engines.away ? Promise.reject(gone()) : bus.ensureTopics(topics)),
    bounds: (topic) => (engines.away ? Promise.reject(gone()) : bus.bounds(topic)),
    publish: (records) => (engines.away ? Promise.reject(gone()) : bus.publish(records)),
  };
  /** What an engine that is away answers to all but its closing. */
  const absent = <T extends object>(engine: T): T =>
    new Proxy(engine, {
      get(target, name) {
        const found: unknown = Reflect.get(target, name);
        if (typeof found !== 'function' || name === 'close') return found;
        return (...args: unknown[]) => (engines.away ? Promise.reject(gone()) : Reflect.apply(found, target, args));
      },
    });
  const [store, blobs] = [absent(createMemoryStore()), absent(createMemoryBlobs())];
  const engines: SharedMemory = { away: false, bus: shared, store, blobs };
  return engines;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const place = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (place === null || typeof place === 'string') throw new Error('no port');
  return place.port;
}

/** Processes over the same engines, each with ports, a folder, a catalogue and doors of its own. */
export class Processes {
  readonly engines = sharedMemory();
  private readonly ports = new Map<ServiceName, { grpc: number; http: number }>();
  private readonly running = new Map<ServiceName, Platform>();
  private readonly folders = new Map<ServiceName, string>();

  /** Finds addresses for these services; each may be started as a process of its own. */
  async place(names: readonly ServiceName[]): Promise<this> {
    for (const name of names) this.ports.set(name, { grpc: await freePort(), http: await freePort() });
    return this;
  }

  async start(...names: readonly ServiceName[]): Promise<void> {
    await Promise.all(names.map((name) => this.startOne(name)));
  }

  /** Starts it, again on the folder that it had. */
  async startOne(name: ServiceName, signal?: AbortSignal): Promise<Platform> {
    const folder = await this.folderOf(name);
    const { grpc = 0, http = 0 } = this.ports.get(name) ?? {};
    const platform = await startPlatform({
      config: readConfig({
        RELEARN_BUS: 'kafka://127.0.0.1:1',
        RELEARN_STORE: 'mongodb://127.0.0.1:1/none',
        RELEARN_DATA: folder,
        RELEARN_HTTP: `127.0.0.1:${http}`,
        RELEARN_GRPC: `127.0.0.1:${grpc}`,
        RELEARN_PARTITIONS: '2',
        RELEARN_ADDRESSES: [...this.ports].map(([other, at]) => `${other}=127.0.0.1:${at.grpc}/${at.http}`).join(','),
      }),
      telemetry: silentTelemetry(),
      services: [name],
      onFailure: () => undefined,
      engines: this.engines,
      ...(signal === undefined ? {} : { signal }),
    });
    this.running.set(name, platform);
    return platform;
  }

  /** What the process has to itself, also before it has started. */
  async folderOf(name: ServiceName): Promise<string> {
    const folder = this.folders.get(name) ?? (await mkdtemp(join(tmpdir(), 'relearn-process-')));
    this.folders.set(name, folder);
    return folder;
  }

  of(name: ServiceName): Platform {
    const platform = this.running.get(name);
    if (platform === undefined) throw new Error(`${name} does not run`);
    return platform;
  }

  /** Base address of the process's HTTP door, also before it has started. */
  http(name: ServiceName): string {
    return `http://127.0.0.1:${this.ports.get(name)?.http}`;
  }

  /** Address of the process's gRPC door, also before it has started. */
  grpc(name: ServiceName): string {
    return `127.0.0.1:${this.ports.get(name)?.grpc}`;
  }

  async stop(name: ServiceName): Promise<void> {
    await this.running.get(name)?.stop();
    this.running.delete(name);
  }

  async stopAll(): Promise<void> {
    for (const name of [...this.running.keys()].reverse()) await this.stop(name);
    await this.engines.bus.close();
    for (const folder of this.folders.values()) await rm(folder, { recursive: true, force: true });
  }
}

/** Asks until there is an answer other than undefined and false. */
export async function eventually<T>(what: string, probe: () => Promise<T | undefined | false>): Promise<T> {
  const until = performance.now() + 45_000;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > until) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
