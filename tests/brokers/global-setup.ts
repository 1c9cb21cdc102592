import type { TestProject } from 'vitest/node';
import { acquire } from './acquire.js';
import { openControl } from './control.js';
import { type EngineName, engineNames, namedEngines } from './engines.js';
import { type Guard, startGuard } from './guard.js';
import type { Server } from './server.js';
import { asksForEngines } from './used-by-tests.js';

const none = { kafka: null, nats: null, mongodb: null, s3: null, control: null };

/**
 * Gives real servers to the tests that `inject('engines')`. An engine that `RELEARN_TEST_ENGINES` names must be had, or
 * the run fails; one that it does not name is left out. Where it names none, what is found is taken. What is not tested
 * is said, before and after.
 */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const named = namedEngines(process.env['RELEARN_TEST_ENGINES']);
  project.provide('engines', none);
  if (!asksForEngines(project.vitest.state.getPaths())) return undefined;
  let owner: Promise<Guard> | undefined;
  const guard = () => (owner ??= startGuard());
  try {
    const { servers, untested } = await acquireAll(named, guard);
    const control = await openControl(servers);
    const ours = [...servers.values()].some((server) => server.control !== null);
    const addresses = Object.fromEntries([...servers].map(([engine, { address }]) => [engine, address]));
    project.provide('engines', { ...none, ...addresses, control: ours ? control.address : null });
    for (const [engine, { address, origin }] of servers) console.log(`  engine ${engine} at ${address} (${origin})`);
    const warn = () => untested.forEach((line) => console.warn(line));
    warn();
    return async () => {
      control.close();
      await (await owner)?.end();
      warn();
    };
  } catch (failure) {
    await (await owner)?.end();
    throw failure;
  }
}

interface All {
  readonly servers: ReadonlyMap<EngineName, Server>;
  /** A line for each engine that the run is without. */
  readonly untested: readonly string[];
}

async function acquireAll(named: ReadonlySet<EngineName> | undefined, guard: () => Promise<Guard>): Promise<All> {
  const servers = new Map<EngineName, Server>();
  const untested: string[] = [];
  const failed: string[] = [];
  const acquireOne = async (engine: EngineName) => {
    const must = named?.has(engine) === true;
    if (named !== undefined && !must)
      return void untested.push(notTested(engine, 'RELEARN_TEST_ENGINES does not name it'));
    const acquired = await acquire(engine, { must, guard });
    if ('server' in acquired) servers.set(engine, acquired.server);
    else if (must)
      failed.push(`RELEARN_TEST_ENGINES names ${engine}, and it cannot be had: ${acquired.reasons.join('; ')}`);
    else untested.push(notTested(engine, acquired.reasons.join('; ')));
  };
  const outcomes = await Promise.allSettled(engineNames.map(acquireOne));
  for (const outcome of outcomes) if (outcome.status === 'rejected') failed.push(String(outcome.reason));
  if (failed.length > 0) throw new Error(failed.join('\n'));
  return { servers, untested };
}

const notTested = (engine: EngineName, why: string) => `  NOT TESTED: ${engine}. ${why}.`;
