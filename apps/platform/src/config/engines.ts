import { resolve } from 'node:path';
import { type Environment, invalid, valueOf } from './settings.js';

export type BlobsEngine =
  | { readonly kind: 'folder'; readonly folder: string }
  | { readonly kind: 'gridfs' }
  | { readonly kind: 's3'; readonly url: string };

/** Bus and documents in one SQLite database of one process. */
export interface EmbeddedEngines {
  readonly kind: 'embedded';
  readonly folder: string;
  readonly blobs: Exclude<BlobsEngine, { kind: 'gridfs' }>;
}

/** Engines that any number of processes share. */
export interface SharedEngines {
  readonly kind: 'shared';
  readonly bus: { readonly kind: 'kafka' | 'nats'; readonly url: string };
  readonly store: { readonly kind: 'mongodb'; readonly url: string };
  readonly blobs: BlobsEngine;
}

export type Engines = EmbeddedEngines | SharedEngines;

/** Everything in one folder. */
export function embeddedEngines(folder: string): EmbeddedEngines {
  return { kind: 'embedded', folder, blobs: blobsIn(folder) };
}

function blobsIn(folder: string) {
  return { kind: 'folder', folder: resolve(folder, 'blobs') } as const;
}

const busRemedy = 'Set it to embedded:FOLDER, kafka://HOST:9092,... or nats://HOST:4222,...';
const storeRemedy = 'Set it to sqlite:FOLDER or mongodb://HOST/DATABASE.';
const blobsRemedy = 'Set it to file:FOLDER, gridfs or s3://BUCKET/PREFIX.';

/** What RELEARN_BUS, RELEARN_STORE and RELEARN_BLOBS choose; `data` is the default folder. Throws INVALID_CONFIG. */
export function readEngines(env: Environment, data: string): Engines {
  const bus = busOf(valueOf(env, 'RELEARN_BUS') ?? `embedded:${data}`);
  const store = storeOf(valueOf(env, 'RELEARN_STORE') ?? (bus.kind === 'embedded' ? `sqlite:${bus.folder}` : ''));
  const fallback = store.kind === 'mongodb' ? 'gridfs' : `file:${store.folder}`;
  const blobs = blobsOf(valueOf(env, 'RELEARN_BLOBS') ?? fallback);
  if (bus.kind === 'embedded') {
    if (store.kind !== 'sqlite' || store.folder !== bus.folder) {
      throw invalid(
        'RELEARN_STORE',
        'the embedded bus and the SQLite store are one database in one folder',
        `Set RELEARN_STORE=sqlite:${bus.folder}, or RELEARN_BUS to Kafka or NATS.`,
      );
    }
    if (blobs.kind === 'gridfs') throw invalid('RELEARN_BLOBS', 'GridFS is in MongoDB, which is not set', blobsRemedy);
    return { kind: 'embedded', folder: bus.folder, blobs };
  }
  if (store.kind !== 'mongodb') {
    throw invalid(
      'RELEARN_STORE',
      'a SQLite store belongs to one process, and several share this bus',
      'Set RELEARN_STORE=mongodb://HOST/DATABASE.',
    );
  }
  return { kind: 'shared', bus, store, blobs };
}

function busOf(text: string): { kind: 'embedded'; folder: string } | SharedEngines['bus'] {
  const folder = after(text, 'embedded:');
  if (folder !== null) return { kind: 'embedded', folder: resolve(folder) };
  if (text.startsWith('kafka://')) return { kind: 'kafka', url: text };
  if (text.startsWith('nats://') || text.startsWith('tls://')) return { kind: 'nats', url: text };
  throw invalid('RELEARN_BUS', `RELEARN_BUS=${text} names no bus`, busRemedy);
}

function storeOf(text: string): { kind: 'sqlite'; folder: string } | SharedEngines['store'] {
  const folder = after(text, 'sqlite:');
  if (folder !== null) return { kind: 'sqlite', folder: resolve(folder) };
  if (text.startsWith('mongodb://') || text.startsWith('mongodb+srv://')) return { kind: 'mongodb', url: text };
  const message = text === '' ? 'RELEARN_STORE is not set' : 'RELEARN_STORE names no store';
  throw invalid('RELEARN_STORE', message, storeRemedy);
}

function blobsOf(text: string): BlobsEngine {
  const folder = after(text, 'file:');
  if (folder !== null) return blobsIn(folder);
  if (text === 'gridfs') return { kind: 'gridfs' };
  if (text.startsWith('s3://')) return { kind: 's3', url: text };
  throw invalid('RELEARN_BLOBS', `RELEARN_BLOBS=${text} names no blobs`, blobsRemedy);
}

/** The rest of the text after the prefix; null without it or without a rest. */
function after(text: string, prefix: string): string | null {
  return text.startsWith(prefix) && text.length > prefix.length ? text.slice(prefix.length) : null;
}
