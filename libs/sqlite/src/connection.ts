import { RelearnError } from '@relearn/kernel';
import Database from 'libsql';

export type Connection = InstanceType<typeof Database>;

/** Throws STORAGE_FAILED where the file cannot be opened. */
export function connect(file: string): Connection {
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
