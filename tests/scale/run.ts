import type { AuditReport } from '@relearn/audit';
import { readCheckpoint } from '@relearn/runtime';
import { atRest } from '../e2e/modes.js';
import type { Processes, Service } from '../e2e/processes.js';
import { get } from '../e2e/wire.js';
import { countsIn, partitions } from '../e2e/world.js';
import { Producer, type Target } from './drive.js';
import { inputs } from './input.js';
import { type Outcome, outcomeOf } from './outcome.js';

/** The services whose instances share the partitions of the data topics. */
export const scaled = ['validation', 'feature', 'serving', 'monitoring'] as const satisfies readonly Service[];
const shards = Array.from({ length: Number(partitions) }, (_, partition) => partition);

export interface Fleet extends Target {
  readonly processes: Processes;
}

/** What happens to the instances in the middle of the data. */
export interface Disturbance {
  readonly added: (fleet: Fleet) => Promise<void>;
  readonly killed: (fleet: Fleet) => Promise<void>;
}

export interface Run {
  /** By pipeline. */
  readonly outcomes: ReadonlyMap<string, Outcome>;
  readonly acknowledged: ReadonlyMap<string, readonly string[]>;
  readonly counts: ReadonlyMap<string, Readonly<Record<string, number>>>;
  readonly audit: AuditReport;
  /** By service: how often each shard was taken. */
  readonly epochs: ReadonlyMap<string, readonly number[]>;
  /** Services and their processes that have read nothing. */
  readonly idle: readonly string[];
}

/** The history makes a first model of each pipeline; the rest is scored by it, in three parts between which things happen. */
export async function live(fleet: Fleet, { added, killed }: Disturbance): Promise<Run> {
  const producers = inputs().map((input) => new Producer(fleet, input));
  const each = async (work: (producer: Producer) => Promise<unknown>) => void (await Promise.all(producers.map(work)));
  await each((producer) => producer.apply());
  await each((producer) => producer.send(producer.input.history));
  const servings = running(fleet, 'serving').map((name) => fleet.processes.httpOf(name));
  await each((producer) => Promise.all(servings.map((serving) => producer.served(serving))));
  await atRest(fleet);
  const part = (which: number) => (producer: Producer) => {
    const { measured } = producer.input;
    const third = Math.ceil(measured.length / 3);
    return producer.send(measured.slice(which * third, (which + 1) * third));
  };
  await each(part(0));
  await atRest(fleet);
  await Promise.all([each(part(1)), added(fleet)]);
  await Promise.all([each(part(2)), killed(fleet)]);
  await each((producer) => producer.reported(producer.input.measured));
  await atRest(fleet);
  return await runOf(fleet, producers);
}

async function runOf(fleet: Fleet, producers: readonly Producer[]): Promise<Run> {
  const { ports, url } = fleet;
  const names = producers.map(({ input }) => input.name);
  const by = async <K, V>(keys: readonly K[], value: (key: K) => Promise<V>) =>
    new Map(await Promise.all(keys.map(async (key) => [key, await value(key)] as const)));
  const epoch = async (service: string, shard: number) =>
    (await readCheckpoint(ports.store, service, shard))?.epoch ?? 0;
  return {
    outcomes: await by(names, (name) => outcomeOf(ports.bus, name)),
    acknowledged: new Map(producers.map(({ input, acknowledged }) => [input.name, [...acknowledged].sort()])),
    counts: await by(names, (name) => countsIn(ports, name)),
    audit: (await get(`${url}/api/v1/audit`)).body as AuditReport,
    epochs: await by(scaled, (service) => Promise.all(shards.map((shard) => epoch(service, shard)))),
    idle: (await Promise.all(scaled.map((service) => idleOf(fleet, service)))).flat(),
  };
}

function running({ processes }: Fleet, service: Service): string[] {
  return processes.instancesOf(service).filter((name) => processes.gone(name) === undefined);
}

async function idleOf(fleet: Fleet, service: Service): Promise<string[]> {
  const read = async (name: string) => {
    const text = String((await get(`${fleet.processes.httpOf(name)}/metrics`)).body);
    return text
      .split('\n')
      .filter((line) => line.startsWith('messaging_client_consumed_messages_total{'))
      .some((line) => line.includes(`messaging_consumer_group_name="${service}"`));
  };
  const names = running(fleet, service);
  const busy = await Promise.all(names.map(read));
  return names.filter((_, index) => busy[index] !== true).map((name) => `${service} in ${name}`);
}
