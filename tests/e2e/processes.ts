import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { serviceNames } from '@relearn/platform';
import { startGuard } from '../brokers/guard.js';
import { freePorts } from '../brokers/protocols.js';
import { until } from '../brokers/server.js';

export type Service = (typeof serviceNames)[number];
type Environment = Readonly<Record<string, string>>;

/** The platform as processes of the operating system, one or more a service. */
export interface Processes {
  /** The console's address: the whole HTTP surface. */
  readonly url: string;
  grpcAddressOf(service: Service): string;
  /** Names of the instances that were started. */
  instancesOf(service: Service): string[];
  /** Of an instance's own HTTP port. */
  httpOf(instance: string): string;
  /** Starts one more process with these services; answers its name. */
  add(services: readonly Service[]): Promise<string>;
  /** An instance's process: `validation`, `validation-2`. */
  signal(instance: string, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  /** Starts an instance that has been killed, on its ports and its folder; `env` is added to its settings. */
  restart(instance: string, env?: Environment): Promise<void>;
  /** Why an instance does not run any more. */
  gone(instance: string): string | undefined;
  /** The end of each process's log. */
  logs(): Promise<string>;
  /** Ends all as an operator does. Throws if one does not end well. */
  stop(): Promise<void>;
  /** Ends all at once. */
  kill(): Promise<void>;
}

interface Instance {
  readonly services: readonly Service[];
  readonly http: number;
  readonly grpc: number;
}

export const launcher = join(import.meta.dirname, '..', '..', 'apps', 'cli', 'bin', 'relearn.mjs');
const host = '127.0.0.1';
/** A service that is asked to end drains first. */
const endWithinMs = 45_000;

const alone: readonly (readonly Service[])[] = serviceNames.map((service) => [service]);

/**
 * Starts `relearn serve NAME...` for each of the processes and waits until all are ready. `env` says which engines they
 * share, `envOf` what an instance has to itself. A service is asked at the first process that runs it.
 */
export async function startProcesses(
  env: Environment,
  layout = alone,
  envOf: (instance: string) => Environment = () => ({}),
): Promise<Processes> {
  const guard = await startGuard();
  const ports = await freePorts(layout.length * 2);
  const instances = new Map<string, Instance>();
  const addInstance = (services: readonly Service[], [http = 0, grpc = 0]: readonly number[]) => {
    const name = nextName(instances, services);
    instances.set(name, { services, http, grpc });
    return name;
  };
  for (const services of layout) addInstance(services, ports.splice(0, 2));
  const addresses = [...instances.values()]
    .toReversed()
    .flatMap(({ services, http, grpc }) => services.map((service) => `${service}=${host}:${grpc}/${http}`))
    .join(',');
  const of = (name: string) => {
    const instance = instances.get(name);
    if (instance === undefined) throw new Error(`there is no process '${name}'`);
    return instance;
  };
  const start = async (name: string, more: Environment = {}) => {
    const { services, http, grpc } = of(name);
    await guard.start(name, process.execPath, [launcher, 'serve', ...services], {
      RELEARN_HTTP: `${host}:${http}`,
      RELEARN_GRPC: `${host}:${grpc}`,
      RELEARN_DATA: join(guard.folder, name),
      RELEARN_ADDRESSES: addresses,
      ...env,
      ...envOf(name),
      ...more,
    });
    await until(
      name,
      () => isReady(`http://${host}:${http}`),
      () => guard.gone(name),
    );
  };
  const logs = async () =>
    (await Promise.all([...instances.keys()].map((name) => endOfLog(guard.folder, name)))).join('');
  try {
    await Promise.all([...instances.keys()].map((name) => start(name)));
  } catch (failure) {
    const text = await logs();
    await guard.end();
    throw new Error(`the services do not start:\n${text}`, { cause: failure });
  }
  const instancesOf = (service: Service) =>
    [...instances].flatMap(([name, { services }]) => (services.includes(service) ? [name] : []));
  const firstOf = (service: Service) => of(instancesOf(service)[0] ?? service);
  return {
    url: `http://${host}:${firstOf('console').http}`,
    grpcAddressOf: (service) => `${host}:${firstOf(service).grpc}`,
    instancesOf,
    httpOf: (instance) => `http://${host}:${of(instance).http}`,
    async add(services) {
      const name = addInstance(services, await freePorts(2));
      await start(name);
      return name;
    },
    signal: (instance, signal) => guard.signal(instance, signal),
    restart: start,
    gone: (instance) => guard.gone(instance),
    logs,
    async stop() {
      const running = [...instances.keys()].filter((name) => guard.gone(name) === undefined);
      const ended = Promise.all(running.map((name) => guard.signal(name, 'SIGTERM')));
      await Promise.race([ended, sleep(endWithinMs)]);
      const badly = running.filter((name) => guard.gone(name)?.startsWith('it ended with 0') !== true);
      const text = badly.length === 0 ? '' : await logs();
      await guard.end();
      await ended.catch(() => undefined);
      if (badly.length > 0) throw new Error(`${badly.join(', ')} did not end well:\n${text}`);
    },
    kill: () => guard.end(),
  };
}

function nextName(instances: ReadonlyMap<string, Instance>, services: readonly Service[]): string {
  const name = services.join('+');
  const there = [...instances.values()].filter((one) => one.services.join('+') === name).length;
  return there === 0 ? name : `${name}-${there + 1}`;
}

/** Whether the platform at the address takes requests. */
export async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).status === 200;
  } catch {
    return false;
  }
}

async function endOfLog(folder: string, name: string): Promise<string> {
  const text = await readFile(join(folder, `${name}.log`), 'utf8').catch(() => '');
  return `--- ${name}\n${text.slice(-2_500)}\n`;
}
