import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Chance } from '@relearn/kernel';
import { serviceNames } from '@relearn/platform';
import { inject } from 'vitest';
import { type Processes, startProcesses } from '../e2e/processes.js';
import { openSharedPorts, type Settings } from '../e2e/shared-engines.js';
import { partitions } from '../e2e/world.js';
import type { Mishap, Victim } from './disturb.js';
import { type Address, type Link, openLink } from './network.js';
import { armed, death, failpoints, type Stage } from './stage.js';
import { surroundedBy, wrongClock } from './wrong-clock.js';

/** Longer than a group waits for a sign of life, and than a job's lease. */
const silentMs = 12_000;
/** An engine is there again at once, and while it is away no service gets ready: it would die more often than any of them. */
const engineLongevity = 2.5;

/** A service's process, with what lies between it and the world. */
interface Surrounded {
  readonly links: readonly Link[];
  readonly clock: ReturnType<typeof wrongClock>;
  readonly env: Settings;
}

interface OwnEngine {
  readonly address: string;
  readonly at: Address;
  readonly victim: Victim;
}

/** A process a service on engines of its own, which die too. */
export async function distributedStage(bus: 'kafka' | 'nats', folder: string, chance: Chance): Promise<Stage> {
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
  const surrounded = new Map<string, Surrounded>();
  for (const service of serviceNames) {
    surrounded.set(service, await surround(join(folder, `${service}.clock`), [theBus.at, theStore.at], chance));
  }
  const processes = await startProcesses(settings, undefined, (service) => surrounded.get(service)?.env ?? {});
  return {
    url: processes.url,
    victims: [
      ...[...surrounded].map(([service, around]) => serviceVictim(processes, service, around, chance)),
      theBus.victim,
      theStore.victim,
    ],
    open: () => openSharedPorts(settings),
    stop: async () => undefined,
    async end() {
      await processes.kill();
      for (const { links } of surrounded.values()) for (const link of links) link.close();
    },
    logs: () => processes.logs(),
  };
}

async function surround(clockFile: string, engines: readonly Address[], chance: Chance): Promise<Surrounded> {
  const clock = wrongClock(clockFile, chance);
  const links = await Promise.all(engines.map(openLink));
  const routes = engines.map(({ port }, index) => `${port}=${links[index]?.port}`).join();
  return { links, clock, env: surroundedBy({ ...clock.env, CHAOS_ROUTES: routes }) };
}

function serviceVictim(processes: Processes, service: string, { links, clock }: Surrounded, chance: Chance): Victim {
  const stopped: Mishap = {
    kind: 'stopped',
    lastsMs: silentMs,
    begin: () => processes.signal(service, 'SIGSTOP'),
    end: () => processes.signal(service, 'SIGCONT'),
  };
  return {
    name: service,
    failpoints: failpoints[service] ?? [],
    mishaps: [stopped, cutOff(links, chance), clock],
    longevity: 1,
    async start(failpoint) {
      try {
        await processes.restart(service, armed(failpoint));
      } catch (thrown) {
        // What is armed may go off before it is ready.
        if (failpoint === null || processes.gone(service) === undefined) throw thrown;
      }
    },
    kill: () => processes.signal(service, 'SIGKILL'),
    gone: () => death(processes.gone(service)),
  };
}

/** Cut off from the broker, and half of the times from the database too; in silence or by resets. */
function cutOff(links: readonly Link[], chance: Chance): Mishap {
  return {
    kind: 'cut off',
    lastsMs: silentMs,
    async begin() {
      const cut = chance.next() < 0.5 ? links.slice(0, 1) : links;
      const silent = chance.next() < 0.5;
      for (const link of cut) {
        if (silent) link.silence();
        else link.refuse();
      }
    },
    async end() {
      for (const link of links) link.mend();
    },
  };
}

/** A server of the run's kind that only this test uses. */
async function ownEngine(engine: 'kafka' | 'nats' | 'mongodb'): Promise<OwnEngine> {
  const { control } = inject('engines');
  if (control === null) throw new Error(`${engine} is not a server of this run: it cannot be killed`);
  const order = async (path: string) => {
    const response = await fetch(`${control}/${path}`, { method: 'POST' });
    const body = (await response.json()) as { readonly error?: string; readonly name?: string; address?: string };
    if (!response.ok) throw new Error(`${path}: ${body.error ?? response.status}`);
    return body;
  };
  const { name = engine, address = '' } = await order(`${engine}/another`);
  const [, host = '', port = ''] = /^(?:\w+:\/\/)?([^:/]+):(\d+)/.exec(address) ?? [];
  const stopped: Mishap = {
    kind: 'stopped',
    lastsMs: silentMs,
    begin: async () => void (await order(`${name}/pause`)),
    end: async () => void (await order(`${name}/resume`)),
  };
  const victim: Victim = {
    name: engine,
    failpoints: [],
    mishaps: [stopped],
    longevity: engineLongevity,
    start: async () => void (await order(`${name}/restart`)),
    kill: async () => void (await order(`${name}/kill`)),
    // Its end is noticed when it is to be killed.
    gone: () => undefined,
  };
  return { address, at: { host, port: Number(port) }, victim };
}
