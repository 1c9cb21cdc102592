import type { Kernel, RelearnError } from '@relearn/kernel';
import { builtModule, type SqliteEngine } from '@relearn/sqlite';
import { LogBus } from '../core/log-bus.js';
import type { Bus } from '../port.js';
import { EmbeddedLog } from './embedded-log.js';
import type { BusOperations } from './operations.js';

export interface EmbeddedBusOptions {
  /** Bytes of the newest records of each partition that stay in memory for readers at its end. */
  readonly tailBytes?: number;
  /** Told when removing expired records failed; the next round, minutes later, tries again. */
  readonly onBackgroundError?: (error: RelearnError) => void;
}

/**
 * A bus in the engine's database, for one process: durable when `publish` resolves (also against a loss of power if the
 * engine is durable). Closing the bus leaves the engine open. One bus an engine.
 */
export async function openEmbeddedBus(
  engine: SqliteEngine,
  kernel: Kernel,
  { tailBytes = 512 * 1024, onBackgroundError }: EmbeddedBusOptions = {},
): Promise<Bus> {
  const room = await engine.use<BusOperations>('bus', builtModule('./operations.js', import.meta.url));
  const contents = await room.call('load', null);
  return new LogBus({
    features: {
      name: 'embedded',
      durability: { process: true, power: engine.durable },
      sharedBetweenProcesses: false,
    },
    storage: new EmbeddedLog(room),
    tailBytes,
    contents,
    kernel,
    ...(onBackgroundError && { onBackgroundError }),
  });
}
