import { type KafkaOptions, openKafkaBus } from '@relearn/bus/kafka';
import { type Kernel, systemKernel } from '@relearn/kernel';
import { inject } from 'vitest';
import type { Bus } from '@relearn/bus';
import type { BusServer } from '@relearn/bus/conformance';
import type { KafkaGroupSettings } from '../src/kafka/options.js';

const { kafka, control } = inject('engines');

/** The run's broker, or null; tests that act upon a broker ask for one of their own. */
export const broker = kafka;
export const canKill = kafka !== null && control !== null && process.env['RELEARN_TEST_KAFKA'] === undefined;

export interface OwnBroker extends BusServer {
  readonly address: string;
  /** SIGSTOP. */
  pause(): Promise<void>;
  resume(): Promise<void>;
}

async function act(path: string): Promise<unknown> {
  const response = await fetch(`${control}/${path}`, { method: 'POST' });
  const body = await response.json();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(body)}`);
  return body;
}

/** A broker that only the caller uses and may kill. */
export async function ownBroker(): Promise<OwnBroker> {
  const { name, address } = (await act('kafka/another')) as { readonly name: string; readonly address: string };
  const doing = (action: string) => async () => void (await act(`${name}/${action}`));
  return { address, kill: doing('kill'), restart: doing('restart'), pause: doing('pause'), resume: doing('resume') };
}

export function randomPrefix(): string {
  return `t${systemKernel.chance.id()}.`;
}

export interface OpenOptions {
  readonly prefix: string;
  readonly kernel?: Kernel;
  readonly sessionMs?: number;
  readonly groups?: Partial<KafkaGroupSettings>;
}

/** With the session that Kafka's defaults allow unless said otherwise. */
export function busOptions(address: string, { prefix, sessionMs = 6_000, groups }: OpenOptions): KafkaOptions {
  const settings = { clientId: 'test', ssl: null, sasl: null, replication: 1, minInSyncReplicas: 1, flush: false };
  return { ...settings, brokers: [address], prefix, groups: { sessionMs, heartbeatMs: 100, ...groups } };
}

export function openBus(address: string, options: OpenOptions): Promise<Bus> {
  return openKafkaBus(busOptions(address, options), options.kernel ?? systemKernel);
}
