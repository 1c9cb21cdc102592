import { startContainer, withoutContainers } from './containers.js';
import { addressVariable, type EngineName } from './engines.js';
import type { Guard } from './guard.js';
import { programs, startProgram } from './programs.js';
import { listens } from './protocols.js';
import type { Server } from './server.js';

/** An engine, or why there is none. */
export type Acquired = { readonly server: Server } | { readonly reasons: readonly string[] };

export interface Means {
  /** Whether the run must have the engine: then what it takes is built. */
  readonly must: boolean;
  /** The owner of the run's servers; its process begins with the first that is asked for. */
  readonly guard: () => Promise<Guard>;
}

/**
 * The address of the environment; else a container, where a Docker engine answers; else a program, if it was built
 * before or must be had. Throws where an address is given and nobody listens there.
 */
export async function acquire(engine: EngineName, { must, guard }: Means): Promise<Acquired> {
  const variable = addressVariable[engine];
  const address = process.env[variable];
  if (address !== undefined) return { server: await given(variable, address) };
  const reasons = [`${variable} is not set`];
  const attempt = async (without: string | undefined, start: () => Promise<Server>) => {
    try {
      if (without === undefined) return await start();
      reasons.push(without);
    } catch (failure) {
      reasons.push(failure instanceof Error ? failure.message : String(failure));
    }
    return undefined;
  };
  const server =
    (await attempt(await withoutContainers(), async () => startContainer(engine, await guard()))) ??
    (await attempt(await withoutProgram(engine, must), async () => startProgram(engine, await guard())));
  return server === undefined ? { reasons } : { server };
}

async function withoutProgram(engine: EngineName, must: boolean): Promise<string | undefined> {
  const { isBuilt, missing } = programs[engine];
  if (!must && !isBuilt()) return `it is not built yet: RELEARN_TEST_ENGINES=${engine} would`;
  return await missing();
}

async function given(variable: string, address: string): Promise<Server> {
  const hosts = address.replace(/^\w+:\/\//, '').replace(/^[^@/]*@/, '');
  const [host = '', port = ''] = (hosts.split(/[,/]/)[0] ?? '').split(':');
  if (!(await listens(host, Number(port)))) throw new Error(`${variable}=${address}: nobody listens there`);
  return { address, origin: variable, control: null };
}
