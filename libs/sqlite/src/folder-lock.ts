import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RelearnError } from '@relearn/kernel';
import { type Connection, connect } from './connection.js';
import { storageFailure } from './failures.js';

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
 * Makes the folder where it is missing and holds its lock until `release`. Throws UNAVAILABLE when another process has it,
 * STORAGE_FAILED when it cannot be written. The lock is SQLite's own on a second, empty database: the operating system drops it with the process, however that ends.
 * Nothing else may open `lock.db` in this process: closing any of its descriptors would drop the lock (POSIX).
 */
export function lockFolder(folder: string): { release(): void } {
  makeFolder(folder);
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
