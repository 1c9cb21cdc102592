import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { RelearnError } from '@relearn/kernel';
import type { FromWorker, OpenOperations, Sql, ToWorker, WireCall, WorkerSettings } from './contract.js';
import { type OpenDatabase, openDatabase } from './database.js';
import { storageFailure, toWire } from './failures.js';
import { commitTogether, type Operation } from './group-commit.js';

// The thread that owns the database. Whatever waits when a commit ends shares the next one.

const port = parentPort;
if (port === null) throw new RelearnError('INTERNAL', 'the database worker runs in a worker thread only');

/** The driver ends the whole process when a closed database is used. */
let finished = false;
const rooms = new Map<string, Readonly<Record<string, Operation>>>();
const find = (room: string, operation: string) => rooms.get(room)?.[operation];
const send = (message: FromWorker) => port.postMessage(message);

function start(): OpenDatabase | undefined {
  try {
    const opened = openDatabase(workerData as WorkerSettings);
    send({ kind: 'ready' });
    return opened;
  } catch (thrown) {
    send({ kind: 'refused', error: toWire(RelearnError.from(thrown)) });
    return undefined;
  }
}

const database = start();
if (database === undefined) port.close();
else port.on('message', (message: ToWorker) => serve(database, [message, ...waiting()]));

function waiting(): ToWorker[] {
  const messages: ToWorker[] = [];
  if (port === null) return messages;
  for (;;) {
    const next = receiveMessageOnPort(port) as { message: ToWorker } | undefined;
    if (next === undefined) return messages;
    messages.push(next.message);
  }
}

function serve(opened: OpenDatabase, messages: readonly ToWorker[]): void {
  let calls: WireCall[] = [];
  const commit = () => {
    if (calls.length > 0) send({ kind: 'results', results: commitTogether(opened, find, calls) });
    calls = [];
  };
  for (const message of messages) {
    if (message.kind === 'calls') {
      calls.push(...message.calls);
      continue;
    }
    commit();
    if (message.kind === 'close') return finish(opened);
    void use(opened, message.id, message.room, message.module);
  }
  commit();
}

async function use(opened: OpenDatabase, id: number, room: string, module: string): Promise<void> {
  try {
    const { open } = (await import(module)) as { open: OpenOperations<Record<string, Operation>> };
    if (finished) return;
    opened.connection.exec('BEGIN');
    rooms.set(room, open(opened.connection as Sql));
    opened.connection.exec('COMMIT');
    send({ kind: 'results', results: [{ id }] });
  } catch (thrown) {
    if (opened.connection.inTransaction) opened.connection.exec('ROLLBACK');
    send({ kind: 'results', results: [{ id, error: toWire(storageFailure(thrown, opened.file)) }] });
  }
}

function finish(opened: OpenDatabase): void {
  finished = true;
  try {
    opened.close();
    send({ kind: 'closed' });
  } catch (thrown) {
    send({ kind: 'closed', error: toWire(storageFailure(thrown, opened.file)) });
  }
  port?.close();
}
