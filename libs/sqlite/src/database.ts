import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RelearnError } from '@relearn/kernel';
import Database from 'libsql';
import type { WorkerSettings } from './contract.js';
import { storageFailure } from './failures.js';

type Connection = InstanceType<typeof Database>;

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
  makeFolder(folder);
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

function connect(file: string): Connection {
  try {
    return new Database(file);
  } catch (thrown) {
    // The driver gives no code here.
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new RelearnError('STORAGE_FAILED', `${file} cannot be opened (${reason})`, {
      cause: thrown,
      remedy: 'Give the process write permission on the data folder, or choose another one with RELEARN_DATA.',
      place: { file },
    });
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (thrown) {
    throw unusable(folder, 'created', thrown);
  }
}

function unusable(folder: string, verb: string, thrown: unknown): RelearnError {
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new RelearnError('STORAGE_FAILED', `data folder ${folder} cannot be ${verb} (${reason})`, {
    cause: thrown,
    remedy: 'Choose a folder with RELEARN_DATA that this process may create and write, on a disk with space.',
    place: { file: folder },
  });
}

/**
 * The lock is SQLite's own on a second, empty database: the operating system drops it with the process, however that ends.
 * Nothing else may open `lock.db` in this process: closing any of its descriptors would drop the lock (POSIX).
 */
function lockFolder(folder: string): { release(): void } {
  const file = join(folder, 'lock.db');
  const holder = join(folder, 'relearn.pid');
  let connection: Connection | undefined;
  try {
    connection = connect(file);
    connection.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (thrown) {
    connection?.close();
    const failure = storageFailure(thrown, file);
    throw failure.code === 'UNAVAILABLE' ? inUse(folder, holder) : failure;
  }
  const held = connection;
  try {
    writeFileSync(holder, `${process.pid}\n`);
  } catch (thrown) {
    held.close();
    throw unusable(folder, 'written', thrown);
  }
  return {
    release() {
      rmSync(holder, { force: true });
      held.close();
    },
  };
}

function inUse(folder: string, holder: string): RelearnError {
  let owner = 'another process';
  try {
    const text = readFileSync(holder, 'utf8').trim();
    if (text !== '') owner = `process ${text}`;
  } catch {
    // The owner has not written its number yet: the message does without.
  }
  return new RelearnError('UNAVAILABLE', `data folder ${folder} is in use by ${owner}`, {
    remedy: `Stop ${owner}, or give this one another folder with RELEARN_DATA.`,
    place: { file: folder },
  });
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
