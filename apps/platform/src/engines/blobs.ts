import type { Blobs } from '@relearn/blobs';
import { RelearnError } from '@relearn/kernel';
import type { BlobsEngine } from '../config/engines.js';
import type { EngineOptions } from './open-engines.js';

/** Blobs that need no database of their own. */
export async function openBlobs(
  engine: Exclude<BlobsEngine, { kind: 'gridfs' }>,
  { durable }: EngineOptions,
): Promise<Blobs> {
  if (engine.kind === 's3') throw new RelearnError('UNIMPLEMENTED', 'there is no adapter for S3 in this version');
  const { openFolderBlobs } = await import('@relearn/blobs/folder');
  return openFolderBlobs(engine.folder, { durable });
}
