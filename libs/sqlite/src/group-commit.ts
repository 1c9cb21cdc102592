import { RelearnError } from '@relearn/kernel';
import type { WireCall, WireResult } from './contract.js';
import type { OpenDatabase } from './database.js';
import { storageFailure, toWire } from './failures.js';

export type Operation = (input: unknown) => unknown;
export type FindOperation = (room: string, operation: string) => Operation | undefined;

/** SQLite itself ended the transaction (a full disk, a failed write): nothing of the batch remains. */
class TransactionLost extends Error {}

/**
 * Runs the calls in one transaction and commits once. A call that fails is undone by its own savepoint;
 * when the transaction as a whole fails, all of its calls do.
 */
export function commitTogether(
  database: OpenDatabase,
  find: FindOperation,
  calls: readonly WireCall[],
): readonly WireResult[] {
  const { connection, file } = database;
  try {
    connection.exec('BEGIN');
    const results = calls.map((call) => attempt(database, find, call));
    connection.exec('COMMIT');
    return results;
  } catch (thrown) {
    if (connection.inTransaction) connection.exec('ROLLBACK');
    const cause = thrown instanceof TransactionLost ? thrown.cause : thrown;
    const error = toWire(storageFailure(cause, file));
    return calls.map(({ id }) => ({ id, error }));
  }
}

function attempt({ connection, file }: OpenDatabase, find: FindOperation, call: WireCall): WireResult {
  connection.exec('SAVEPOINT call');
  try {
    const operation = find(call.room, call.operation);
    if (operation === undefined) throw new RelearnError('INTERNAL', `no operation ${call.room}.${call.operation}`);
    const value = operation(call.input);
    connection.exec('RELEASE call');
    return { id: call.id, value };
  } catch (thrown) {
    if (!connection.inTransaction) throw new TransactionLost('the transaction was rolled back', { cause: thrown });
    connection.exec('ROLLBACK TO call');
    connection.exec('RELEASE call');
    return { id: call.id, error: toWire(storageFailure(thrown, file)) };
  }
}
