import { auditLog } from '@relearn/audit';
import { openReadApi, type ReadApi } from '@relearn/console';
import { noFailpoints, systemKernel } from '@relearn/kernel';
import { silentTelemetry } from '@relearn/telemetry';
import type { Config } from './config/config.js';
import { openPorts } from './open-ports.js';
import { createServices } from './services.js';
import { version } from './version.js';

/** Opens a data folder that nobody serves, to look at: no service runs, nothing is written to the log. */
export async function openReadOnly(config: Config): Promise<ReadApi> {
  const opened = await openPorts({
    folder: config.data,
    kernel: { ...systemKernel, failpoints: noFailpoints },
    telemetry: silentTelemetry(),
    partitions: config.partitions,
    durable: true,
    holdResults: false,
    onFailure: () => undefined,
  });
  const { ports } = opened;
  try {
    const { folds } = await createServices(ports, { names: [], deadlines: false, serving: {} });
    const audit = () => auditLog({ ...ports, clock: ports.kernel.clock, folds });
    const api = await openReadApi({ ports, audit, version });
    return {
      get: (path) => api.get(path),
      async close() {
        await api.close();
        await opened.close();
      },
    };
  } catch (thrown) {
    await opened.close();
    throw thrown;
  }
}
