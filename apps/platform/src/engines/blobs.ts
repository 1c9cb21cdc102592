import type { Blobs } from '@relearn/blobs';
import type { BlobsEngine } from '../config/engines.js';
import { settingsOf } from '../config/settings.js';
import type { EngineOptions } from './open-engines.js';

/** Blobs that need no database of their own. */
export async function openBlobs(
  engine: Exclude<BlobsEngine, { kind: 'gridfs' }>,
  { durable, env, kernel }: EngineOptions,
): Promise<Blobs> {
  if (engine.kind === 's3') {
    const { openS3Blobs, s3Options } = await import('@relearn/blobs/s3');
    return openS3Blobs(s3Options(engine.url, settingsOf(env)), kernel.clock);
  }
  const { openFolderBlobs } = await import('@relearn/blobs/folder');
  return openFolderBlobs(engine.folder, { durable, clock: kernel.clock, chance: kernel.chance });
}
