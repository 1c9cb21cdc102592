import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Chance } from '@relearn/kernel';
import type { OpenedPorts } from '@relearn/platform';
import { type Guard, startGuard } from '../brokers/guard.js';
import { freePorts } from '../brokers/protocols.js';
import { until } from '../brokers/server.js';
import { isReady, launcher } from '../e2e/processes.js';
import { openSharedPorts, type Settings } from '../e2e/shared-engines.js';
import { partitions } from '../e2e/world.js';
import type { Mishap, Victim } from './disturb.js';
import { smallDisk, type SmallDisk } from './small-disk.js';
import { surroundedBy, wrongClock } from './wrong-clock.js';

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

/** The data folder lies on `disk`, where there is one. */
export interface EmbeddedStage extends Stage {
  readonly disk: SmallDisk | null;
}

const foldPoints = ['before-publish', 'after-publish', 'before-checkpoint', 'after-checkpoint'];
const deciderPoints = ['before-write', 'after-write', 'before-outbox', 'after-outbox'];
const pointsOf = (service: string, points: readonly string[]) => points.map((point) => `${service}:${point}`);
const job = 'after-job';

export const failpoints: Readonly<Record<string, readonly string[]>> = {
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

export const armed = (failpoint: string | null) => (failpoint === null ? {} : { RELEARN_FAILPOINT: failpoint });

/** What a guard or the processes say of one that has ended. */
export function death(said: string | undefined): ReturnType<Victim['gone']> {
  return said === undefined ? undefined : { bySigkill: said.startsWith('it ended with SIGKILL'), said };
}

/** Longer than a job's lease. */
const stoppedMs = 5_000;
const fullMs = 4_000;

/** One process with everything on a folder. */
export async function embeddedStage(folder: string, chance: Chance): Promise<EmbeddedStage> {
  const guard = await startGuard();
  const [http = 0, grpc = 0] = await freePorts(2);
  const url = `http://127.0.0.1:${http}`;
  const disk = await smallDisk(guard, 'data');
  const data = join(guard.folder, 'data');
  const clock = wrongClock(join(folder, 'clock'), chance);
  const settings: Settings = {
    RELEARN_DATA: data,
    RELEARN_HTTP: `127.0.0.1:${http}`,
    RELEARN_GRPC: `127.0.0.1:${grpc}`,
    RELEARN_PARTITIONS: partitions,
    RELEARN_LOG: 'warn',
  };
  const name = 'relearn';
  const start = async (failpoint: string | null) => {
    const env = { ...settings, ...surroundedBy(clock.env), ...armed(failpoint) };
    await guard.start(name, process.execPath, [launcher, 'up'], env);
    await untilReady(name, url, guard, failpoint);
  };
  const end = () => guard.end();
  try {
    await start(null);
  } catch (thrown) {
    await end();
    throw thrown;
  }
  const stopped: Mishap = {
    kind: 'stopped',
    lastsMs: stoppedMs,
    begin: () => guard.signal(name, 'SIGSTOP'),
    end: () => guard.signal(name, 'SIGCONT'),
  };
  const victim: Victim = {
    name,
    failpoints: Object.values(failpoints).flat(),
    mishaps: [stopped, clock, ...(disk === null ? [] : [fullDisk(disk)])],
    longevity: 1,
    start,
    kill: () => guard.signal(name, 'SIGKILL'),
    gone: () => death(guard.gone(name)),
  };
  return {
    url,
    disk,
    victims: [victim],
    open: () => openSharedPorts(settings),
    stop: () => guard.signal(name, 'SIGTERM'),
    end,
    logs: async () => (await readFile(join(guard.folder, `${name}.log`), 'utf8')).slice(-8_000),
  };
}

function fullDisk({ fill, free }: SmallDisk): Mishap {
  return { kind: 'full disk', lastsMs: fullMs, begin: fill, end: free };
}

async function untilReady(name: string, url: string, guard: Guard, failpoint: string | null): Promise<void> {
  const ready = async () => {
    // What is armed may go off before it is ready.
    if (failpoint !== null && guard.gone(name) !== undefined) return true;
    return await isReady(url);
  };
  await until(name, ready, () => guard.gone(name));
}
