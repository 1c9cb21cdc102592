import { auditLog } from '@relearn/audit';
import { openReadApi, type ReadApi } from '@relearn/console';
import { allDeciders } from './assemblies.js';
import type { Config } from './config/config.js';
import { workOf } from './console.js';
import { openIdlePorts } from './open-idle-ports.js';
import { verifyState } from './rebuild.js';
import { version } from './version.js';

/** Opens a data folder that nobody serves, to look at: no service runs, nothing is written to the log. */
export async function openReadOnly(config: Config): Promise<ReadApi> {
  const opened = await openIdlePorts(config);
  const { ports } = opened;
  try {
    const folds = await allDeciders(ports);
    const audit = () => auditLog({ ...ports, clock: ports.kernel.clock, folds });
    const api = await openReadApi({
      ports,
      audit,
      verify: () => verifyState(ports),
      work: () => workOf(ports),
      version,
    });
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
