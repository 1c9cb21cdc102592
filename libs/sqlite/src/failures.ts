import { type ErrorCode, RelearnError } from '@relearn/kernel';
import type { WireError } from './contract.js';

interface Meaning {
  readonly code: ErrorCode;
  readonly says: string;
  readonly remedy: string;
}

const damaged: Meaning = {
  code: 'CORRUPT',
  says: 'the database is damaged',
  remedy: 'Restore the data folder from a copy, or move it away to begin with an empty one.',
};
const unwritable: Meaning = {
  code: 'STORAGE_FAILED',
  says: 'the data folder cannot be written',
  remedy: 'Give the process write permission on the folder, or mount it read-write.',
};

/** Primary result codes of SQLite (https://sqlite.org/rescode.html); extended codes begin with one of them. */
const meanings: readonly (readonly [string, Meaning])[] = [
  [
    'SQLITE_FULL',
    { code: 'STORAGE_FAILED', says: 'the disk is full', remedy: 'Free space on the disk of the data folder.' },
  ],
  [
    'SQLITE_IOERR',
    {
      code: 'STORAGE_FAILED',
      says: 'the disk failed',
      remedy: 'Check the disk of the data folder: space, quota, health.',
    },
  ],
  ['SQLITE_READONLY', unwritable],
  ['SQLITE_CANTOPEN', unwritable],
  ['SQLITE_PERM', unwritable],
  ['SQLITE_CORRUPT', damaged],
  ['SQLITE_NOTADB', damaged],
  [
    'SQLITE_BUSY',
    { code: 'UNAVAILABLE', says: 'another process locks the database', remedy: 'End the process that has it open.' },
  ],
];

/** A SQLite failure in our terms, naming the file; every other error as it is. */
export function storageFailure(thrown: unknown, file: string): RelearnError {
  if (!(thrown instanceof Error) || !('code' in thrown)) return RelearnError.from(thrown);
  const code = String(thrown.code);
  const meaning = meanings.find(([prefix]) => code.startsWith(prefix))?.[1];
  if (meaning === undefined) return RelearnError.from(thrown);
  return new RelearnError(meaning.code, `${file}: ${meaning.says} (${code}: ${thrown.message})`, {
    cause: thrown,
    remedy: meaning.remedy,
    place: { file },
  });
}

export function toWire(error: RelearnError): WireError {
  return { code: error.code, message: error.message, remedy: error.remedy };
}

export function fromWire(error: WireError): RelearnError {
  return new RelearnError(error.code, error.message, { remedy: error.remedy });
}
