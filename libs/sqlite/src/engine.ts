import { Worker } from 'node:worker_threads';
import { type Numbered, NumberedTable, RelearnError } from '@relearn/kernel';
import { builtModule } from './built-module.js';
import type { FromWorker, OperationTable, Room, ToWorker, WireCall, WireResult, WorkerSettings } from './contract.js';
import { fromWire } from './failures.js';

export interface SqliteOptions {
  /** Created when missing; holds `relearn.db`. */
  readonly folder: string;
  /** False skips every wait for the disk: for folders that are thrown away. Survives the process, not a loss of power. */
  readonly durable: boolean;
  /** Called once when the worker thread ends unasked; all pending and later calls fail with STORAGE_FAILED. */
  readonly onFailure?: (error: RelearnError) => void;
}

/** A SQLite database in a worker thread of its own: its only writer. */
export interface SqliteEngine {
  readonly folder: string;
  readonly durable: boolean;
  /** Loads a compiled module that exports `open: OpenOperations<O>` into the worker, under a name of its own. */
  use<O extends OperationTable<O>>(room: string, module: URL): Promise<Room<O>>;
  /** Waits for pending calls, then closes the database and frees the folder. */
  close(): Promise<void>;
}

interface Pending extends Numbered {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: RelearnError) => void;
}

/**
 * Opens the folder's database in its worker thread.
 * Errors: UNAVAILABLE when another process uses the folder, STORAGE_FAILED when it cannot be written, CORRUPT.
 */
export function openSqlite(options: SqliteOptions): Promise<SqliteEngine> {
  return new Promise((resolve, reject) => {
    const engine: Engine = new Engine(options, {
      ready: () => resolve(engine),
      refused: reject,
    });
  });
}

interface Opening {
  readonly ready: () => void;
  readonly refused: (error: RelearnError) => void;
}

class Engine implements SqliteEngine {
  readonly folder: string;
  readonly durable: boolean;
  private readonly worker: Worker;
  private readonly opening: Opening;
  private readonly onFailure: ((error: RelearnError) => void) | undefined;
  private readonly pending = new NumberedTable<Pending>();
  private outgoing: WireCall[] = [];
  private moved: ArrayBuffer[] = [];
  private lastId = 0;
  /** Why calls are refused: a dead worker or a closed engine. */
  private ended: RelearnError | undefined;
  private failed = false;
  private closing: Promise<void> | undefined;
  private closed: { readonly error: RelearnError | undefined } | undefined;
  private onExit: (() => void) | undefined;

  constructor(options: SqliteOptions, opening: Opening) {
    this.folder = options.folder;
    this.durable = options.durable;
    this.onFailure = options.onFailure;
    this.opening = opening;
    const settings: WorkerSettings = { folder: options.folder, durable: options.durable };
    // No inherited flags: a `source` condition of the process would send the worker to TypeScript files.
    // Messages die young: a larger nursery would only hold more of them.
    this.worker = new Worker(builtModule('./worker.js', import.meta.url), {
      workerData: settings,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 3 },
    });
    this.worker.on('message', (message: FromWorker) => this.receive(message));
    this.worker.on('error', (thrown) => this.fail(thrown));
    this.worker.on('exit', (code) => this.exited(code));
  }

  async use<O extends OperationTable<O>>(room: string, module: URL): Promise<Room<O>> {
    await this.request((id) => this.post({ kind: 'use', id, room, module: module.href }));
    return {
      call: (operation, input, moved = []) =>
        // The worker runs the very function that the type names.
        this.request((id) => this.enqueue({ id, room, operation, input }, moved)) as Promise<never>,
    };
  }

  close(): Promise<void> {
    this.closing ??= this.finish();
    return this.closing;
  }

  private request(send: (id: number) => void): Promise<unknown> {
    if (this.ended !== undefined) return Promise.reject(this.ended);
    return new Promise((resolve, reject) => {
      this.lastId += 1;
      this.pending.add({ id: this.lastId, resolve, reject });
      send(this.lastId);
    });
  }

  /** Calls of one tick travel in one message. */
  private enqueue(call: WireCall, moved: readonly ArrayBuffer[]): void {
    this.outgoing.push(call);
    for (const buffer of moved) this.moved.push(buffer);
    if (this.outgoing.length === 1) queueMicrotask(() => this.flush());
  }

  private flush(): void {
    const calls = this.outgoing;
    const { moved } = this;
    this.outgoing = [];
    this.moved = [];
    if (calls.length > 0) this.post({ kind: 'calls', calls }, moved);
  }

  private post(message: ToWorker, moved: ArrayBuffer[] = []): void {
    this.worker.postMessage(message, moved);
  }

  private receive(message: FromWorker): void {
    if (message.kind === 'results') for (const result of message.results) this.answer(result);
    else if (message.kind === 'ready') this.opening.ready();
    else if (message.kind === 'closed') this.closed = { error: message.error && fromWire(message.error) };
    else this.refuse(fromWire(message.error));
  }

  /** The worker could not open the folder and ends by itself. */
  private refuse(error: RelearnError): void {
    this.failed = true;
    this.ended = error;
    this.opening.refused(error);
  }

  private answer(result: WireResult): void {
    const waiting = this.pending.get(result.id);
    this.pending.delete(result.id);
    if (result.error !== undefined) waiting?.reject(fromWire(result.error));
    else waiting?.resolve(result.value);
  }

  private async finish(): Promise<void> {
    if (this.ended !== undefined) return;
    this.flush();
    this.ended = new RelearnError('UNAVAILABLE', `the database of ${this.folder} is closed`);
    // The files are closed with the thread: the driver's statements hold them until then.
    await new Promise<void>((resolve) => {
      this.onExit = resolve;
      this.post({ kind: 'close' });
    });
    if (this.closed?.error !== undefined) throw this.closed.error;
    if (this.closed === undefined) throw this.ended;
  }

  private exited(code: number): void {
    if (this.closed === undefined) this.fail(new Error(`exit code ${code}`));
    // A module that was still loading when the database closed.
    else if (this.ended !== undefined) this.rejectPending(this.ended);
    this.onExit?.();
  }

  /** The worker ended unasked. Told twice, by its error and by its exit, it counts once. */
  private fail(thrown: unknown): void {
    if (this.failed) return;
    this.failed = true;
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    const error = new RelearnError('STORAGE_FAILED', `the database worker of ${this.folder} ended: ${reason}`, {
      cause: thrown,
      remedy: 'Restart the process; what was acknowledged is on disk.',
    });
    this.ended = error;
    this.rejectPending(error);
    this.opening.refused(error);
    this.onFailure?.(error);
  }

  private rejectPending(error: RelearnError): void {
    for (const waiting of this.pending.all) {
      this.pending.delete(waiting.id);
      waiting.reject(error);
    }
  }
}
