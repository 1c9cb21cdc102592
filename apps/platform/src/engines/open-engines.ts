import type { Blobs } from '@relearn/blobs';
import type { Bus } from '@relearn/bus';
import type { Kernel, RelearnError } from '@relearn/kernel';
import type { Store } from '@relearn/store';
import type { Log } from '@relearn/telemetry';
import type { Engines } from '../config/engines.js';
import type { Environment } from '../config/settings.js';
import type { Standing } from '../standing.js';
import { openShared } from './brokers.js';
import { openEmbedded } from './embedded.js';

export interface EngineOptions {
  readonly kernel: Kernel;
  readonly log: Log;
  /** False for a folder that is thrown away: nothing waits for the disk. */
  readonly durable: boolean;
  /** The environment, for the engines' own settings. */
  readonly env: Environment;
  /** Hears of engines that are away. */
  readonly standing: Standing;
  /** Ends the waiting for them. */
  readonly signal: AbortSignal;
  /** Takes what closes an engine again; the last is closed first. */
  readonly closedBy: (closer: () => Promise<void>) => void;
  /** Called when the storage has failed for good. */
  readonly onFailure: (error: RelearnError) => void;
}

export interface OpenEngines {
  readonly bus: Bus;
  readonly store: Store;
  readonly blobs: Blobs;
}

/** Opens the adapters that the configuration names. Drivers that it does not name are not loaded. */
export function openEngines(engines: Engines, options: EngineOptions): Promise<OpenEngines> {
  return engines.kind === 'embedded' ? openEmbedded(engines, options) : openShared(engines, options);
}
