import type { Kernel, RelearnError } from '@relearn/kernel';
import { builtModule, type Room, type SqliteEngine } from '@relearn/sqlite';
import type { LogEntry, LogStorage } from '../core/log.js';
import { LogBus } from '../core/log-bus.js';
import type { Bus } from '../port.js';
import type { BusOperations } from './operations.js';
import { pack, unpack } from './packing.js';

export interface EmbeddedBusOptions {
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
  { onBackgroundError }: EmbeddedBusOptions = {},
): Promise<Bus> {
  const room = await engine.use<BusOperations>('bus', builtModule('./operations.js', import.meta.url));
  const contents = await room.call('load', null);
  return new LogBus({
    features: {
      name: 'embedded',
      durability: { process: true, power: engine.durable },
      sharedBetweenProcesses: false,
    },
    storage: storageIn(room),
    contents,
    kernel,
    ...(onBackgroundError && { onBackgroundError }),
  });
}

function storageIn(room: Room<BusOperations>): LogStorage {
  return {
    declare: (topics) => room.call('declare', topics),
    append: (entries: readonly LogEntry[]) => room.call('append', pack(entries)),
    read: async (shard, from, limits) => unpack(await room.call('read', { shard, from, ...limits })),
    positionAt: (shard, first, wallMs) => room.call('positionAt', { shard, first, wallMs }),
    commit: (committed) => room.call('commit', committed),
    advance: (state) => room.call('advance', state),
    remove: (shard, below, limit) => room.call('remove', { shard, below, limit }),
  };
}
