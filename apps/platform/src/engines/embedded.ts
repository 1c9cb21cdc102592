import { mkdir } from 'node:fs/promises';
import { RelearnError } from '@relearn/kernel';
import type { EmbeddedEngines } from '../config/engines.js';
import { openBlobs } from './blobs.js';
import type { EngineOptions, OpenEngines } from './open-engines.js';

/** Bus and documents in one database thread. */
export async function openEmbedded(engines: EmbeddedEngines, options: EngineOptions): Promise<OpenEngines> {
  const { folder } = engines;
  const { kernel, log, durable, closedBy, onFailure } = options;
  const [{ openSqlite }, { openEmbeddedBus }, { openEmbeddedStore }] = await Promise.all([
    import('@relearn/sqlite'),
    import('@relearn/bus/embedded'),
    import('@relearn/store/embedded'),
  ]);
  await makeFolder(folder);
  const engine = await openSqlite({ folder, durable, onFailure });
  closedBy(() => engine.close());
  const blobs = await openBlobs(engines.blobs, options);
  closedBy(() => blobs.close());
  const store = await openEmbeddedStore(engine);
  closedBy(() => store.close());
  const onBackgroundError = (error: RelearnError) => log.warn({ code: error.code }, error.message);
  const bus = await openEmbeddedBus(engine, kernel, { onBackgroundError });
  closedBy(() => bus.close());
  return { bus, store, blobs };
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (thrown) {
    const { message } = RelearnError.from(thrown);
    throw new RelearnError('STORAGE_FAILED', `the data folder ${folder} cannot be made: ${message}`, {
      cause: thrown,
      remedy: 'Set RELEARN_DATA to a folder that can be written.',
    });
  }
}
