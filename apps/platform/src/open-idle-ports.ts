import { noFailpoints, systemKernel } from '@relearn/kernel';
import { silentTelemetry } from '@relearn/telemetry';
import type { Config } from './config/config.js';
import { openPorts, type OpenedPorts } from './open-ports.js';

/** The engines that the configuration names, for a process in which no service runs. */
export function openIdlePorts({ engines, partitions, env }: Config): Promise<OpenedPorts> {
  return openPorts({
    engines,
    kernel: { ...systemKernel, failpoints: noFailpoints },
    telemetry: silentTelemetry(),
    partitions,
    durable: true,
    holdResults: false,
    env,
    onFailure: () => undefined,
  });
}
