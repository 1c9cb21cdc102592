import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { RelearnError } from '@relearn/kernel';
import type { Terminal } from './terminal.js';

/** The reading half of the REST API over stores that this process has opened. */
export interface ReadApi {
  get(path: string): Promise<{ readonly status: number; readonly body: Uint8Array }>;
  close(): Promise<void>;
}

/** Loads everything there is: only the commands that need it do. */
export function loadPlatform() {
  return import('@relearn/platform');
}

/** What keeps several processes, which needs none of the rest. */
export function loadProcesses() {
  return import('@relearn/platform/processes');
}

/** Is there a data folder that some process of ours has made? */
export function isDataFolder(folder: string): boolean {
  return existsSync(join(folder, 'relearn.db'));
}

/** Opens the stores of RELEARN_DATA to look at. Throws NOT_FOUND where there are none, UNAVAILABLE where another process has them. */
export async function openStores(terminal: Terminal): Promise<{ api: ReadApi; folder: string }> {
  const platform = await loadPlatform();
  const config = platform.readConfig(terminal.env);
  const { engines, url } = config;
  if (engines.kind === 'shared') {
    throw new RelearnError('UNAVAILABLE', `nothing answers at ${url}`, {
      remedy: 'Start the console (`relearn serve console`), or set RELEARN_URL to where it listens.',
    });
  }
  if (!isDataFolder(engines.folder)) {
    throw new RelearnError('NOT_FOUND', `nothing listens at ${url}, and there is no data folder ${engines.folder}`, {
      remedy: 'Start with `relearn up`, or set RELEARN_URL or RELEARN_DATA to where it is.',
    });
  }
  return { api: await platform.openReadOnly(config), folder: engines.folder };
}
