import { closeSync, fsyncSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { type Connection, connect } from './connection.js';
import type { WorkerSettings } from './contract.js';
import { storageFailure } from './failures.js';
import { lockFolder } from './folder-lock.js';

export interface OpenDatabase {
  readonly file: string;
  readonly connection: Connection;
  close(): void;
}

/** Pages of the write-ahead log after which a commit moves them into the database: 2,000 x 8 KiB. */
const checkpointPages = 2_000;
/** A log that a burst has grown is cut back to this size. */
const logBytesKept = 64 * 1024 * 1024;

/** Opens `relearn.db` of the folder, which is created when missing, and holds the folder's lock until closed. */
export function openDatabase({ folder, durable }: WorkerSettings): OpenDatabase {
  const lock = lockFolder(folder);
  const file = join(folder, 'relearn.db');
  try {
    const connection = connect(file);
    connection.exec('PRAGMA page_size = 8192');
    connection.pragma('journal_mode = WAL');
    connection.exec(`PRAGMA synchronous = ${durable ? 'FULL' : 'OFF'}`);
    connection.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}`);
    connection.pragma(`journal_size_limit = ${logBytesKept}`);
    connection.exec('PRAGMA cache_size = -16000');
    // The first read of the schema tells a damaged or foreign file.
    connection.prepare('SELECT count(*) FROM sqlite_schema').get([]);
    if (durable) syncFolder(folder);
    return {
      file,
      connection,
      close() {
        try {
          // The log empty and gone: a copy of the folder needs one file. Without room for that, the log keeps all.
          connection.pragma('wal_checkpoint(TRUNCATE)');
        } finally {
          connection.close();
          lock.release();
        }
      },
    };
  } catch (thrown) {
    lock.release();
    throw storageFailure(thrown, file);
  }
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
