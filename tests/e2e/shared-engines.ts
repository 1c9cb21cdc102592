import { randomBytes } from 'node:crypto';
import { openPorts, type OpenedPorts, processKernel, readConfig } from '@relearn/platform';
import { silentTelemetry } from '@relearn/telemetry';
import { inject } from 'vitest';
import { partitions } from './world.js';

export type Settings = Readonly<Record<string, string>>;

/** Settings of processes that share the run's engines, with topics and a database that nobody else uses. */
export function sharedSettings(bus: 'kafka' | 'nats', folder: string): Settings {
  const engines = inject('engines');
  const name = `e2e-${randomBytes(6).toString('hex')}`;
  const address = bus === 'kafka' ? `kafka://${engines.kafka}` : engines.nats;
  return {
    RELEARN_BUS: `${address}?prefix=${name}${bus === 'kafka' ? '.' : ''}`,
    RELEARN_STORE: `${engines.mongodb}/${name}`,
    RELEARN_BLOBS: `file:${folder}/blobs`,
    RELEARN_KEYS: `${folder}/keys`,
    RELEARN_PARTITIONS: partitions,
  };
}

/** The engines as one more process would open them, to read what is in them. */
export async function openSharedPorts(settings: Settings): Promise<OpenedPorts> {
  const { engines, env, partitions: count } = readConfig(settings);
  return await openPorts({
    engines,
    env,
    kernel: processKernel(''),
    telemetry: silentTelemetry(),
    partitions: count,
    durable: false,
    holdResults: false,
    onFailure: (error) => console.error(error.describe()),
  });
}
