import { type Kernel, type Part, RelearnError } from '@relearn/kernel';
import type { Challenger } from '@relearn/runtime';
import { Batcher, type Job, type JobAnswer } from './batcher.js';
import { Catalogue, type FiguresOfVersion, type ModelEntry, type ModelListing, type ServedModel } from './catalogue.js';
import { ModelFigures } from './figures.js';
import type { PredictionLog, PredictionRecord } from './prediction-record.js';
import { refusals } from './refusals.js';
import { agreedSignature, mayBatch, trialsOf } from './signature.js';
import { joined, type ModelSignature, type TensorBytes } from './tensors.js';
import type { OpenSessions, Sessions } from './sessions.js';
import { type ThreadPlan, threadPlan } from './threads.js';
import { type Columns, columnTensor, type TensorValues, valuesOf } from './values.js';
import { WorkerPool } from './worker/pool.js';

export type { ModelListing, ServedModel } from './catalogue.js';

export interface ModelHostOptions {
  readonly kernel: Kernel;
  readonly threads?: ThreadPlan;
  /** Where sessions live; worker threads by default. */
  readonly sessions?: OpenSessions;
  /** Most rows of several requests in one run. Default 256. */
  readonly maxBatchRows?: number;
  /** Most rows in one request, and in one call of `run`. Default 1,000. */
  readonly maxRequestRows?: number;
  /** Default 1,024 requests and 256 MiB. */
  readonly maxQueuedRequests?: number;
  readonly maxQueuedBytes?: number;
  /** Takes the records of answered requests; without it nothing is logged. */
  readonly log?: PredictionLog;
  /** Hears of a dead inference thread and of a model lost with it. */
  readonly onTrouble?: (message: string) => void;
  /** Hears of each record that is not made, since there is no room for it. */
  readonly onLeftOut?: (what: 'mirror' | 'failure') => void;
}

export interface LoadOptions {
  /** SHA-256 of the ONNX bytes, in hex. */
  readonly digest: string;
  /** Rows to try the model with before it is READY; without them it is tried with zeros and empty strings. */
  readonly warmUp?: Columns;
}

/** Rows of a stream batch that run at once: fixed, so that a batch gives the same bits whenever it is scored. */
const sliceRows = 128;

/** Requests, and their bytes, that are run a second time at once; more are left out. */
const mostMirrored = 64;
const mostMirroredBytes = 32 << 20;

/** Holds models by name and version, in worker threads, and runs requests and stream batches on them. */
export class ModelHost implements Part {
  readonly name = 'model-host';
  readonly maxRequestRows: number;
  readonly maxQueuedRequests: number;
  /** Runs at the same time. */
  readonly runsAtOnce: number;
  readonly logs: boolean;
  private readonly options: ModelHostOptions;
  private readonly pool: Sessions;
  private readonly batcher: Batcher;
  private readonly catalogue = new Catalogue();
  private started = false;
  private draining = false;
  private underWay = 0;
  private quiet: (() => void) | undefined;
  private mirrored = 0;
  private mirroredBytes = 0;

  constructor(options: ModelHostOptions) {
    this.options = options;
    this.maxRequestRows = options.maxRequestRows ?? 1_000;
    this.maxQueuedRequests = options.maxQueuedRequests ?? 1_024;
    this.logs = options.log !== undefined;
    const { clock } = options.kernel;
    const plan = options.threads ?? threadPlan();
    this.runsAtOnce = plan.runs;
    const open: OpenSessions = options.sessions ?? ((events) => new WorkerPool({ ...events, clock, plan }));
    this.pool = open({
      onFree: () => this.batcher.wake(),
      onLost: (session, reason) => this.lost(session, reason),
      onTrouble: (message) => options.onTrouble?.(message),
    });
    this.batcher = new Batcher({
      clock,
      run: (order) => this.pool.run(order),
      isFree: () => this.pool.free,
      takesNext: () => this.pool.takesNext,
      runsAtOnce: plan.runs,
      maxBatchRows: options.maxBatchRows ?? 256,
      maxQueuedJobs: this.maxQueuedRequests,
      maxQueuedBytes: options.maxQueuedBytes ?? 256 << 20,
      backgroundShare: 8,
      log: options.log ?? (() => undefined),
    });
  }

  async start(): Promise<void> {
    this.pool.start();
    this.started = true;
  }

  /** Takes requests: started and not stopping. Whether a model is loaded plays no part. */
  get ready(): boolean {
    return this.started && !this.draining;
  }

  /** Requests and stream batches that wait or run. */
  get inFlight(): number {
    return this.underWay;
  }

  /** From here on requests are refused; resolves when those under way have been answered. */
  async drain(): Promise<void> {
    this.draining = true;
    if (this.underWay > 0) {
      await new Promise<void>((resolve) => {
        this.quiet = resolve;
      });
    }
  }

  async stop(): Promise<void> {
    await this.drain();
    await this.pool.stop();
  }

  /**
   * Loads a version and tries it; it is READY when this resolves. The same version with the same digest is loaded
   * once. Without a signature the graph's own is taken. Throws CORRUPT where the bytes do not match the digest,
   * ALREADY_EXISTS where the version has another one, INVALID_INPUT where the model does not run or does not
   * match its signature.
   */
  load(
    name: string,
    version: number,
    onnx: Uint8Array,
    signature: ModelSignature | null,
    { digest, warmUp }: LoadOptions,
  ): Promise<ModelSignature> {
    const there = this.catalogue.find(name, version);
    if (there !== undefined && there.state !== 'UNAVAILABLE') {
      if (there.digest === digest && there.loading !== undefined && there.state !== 'UNLOADING') return there.loading;
      const label = `model '${name}' version ${version}`;
      return Promise.reject(new RelearnError('ALREADY_EXISTS', `${label} is there as ${there.digest}, ${there.state}`));
    }
    const entry = this.catalogue.enter(name, version, digest);
    entry.loading = this.loadEntry(entry, onnx, signature, warmUp);
    return entry.loading;
  }

  /** From now on this version answers requests that name none; null: no version does. Throws REFUSED unless READY. */
  setDefault(name: string, version: number | null): void {
    this.catalogue.setDefault(name, version);
  }

  defaultOf(name: string): number | undefined {
    return this.catalogue.defaultOf(name);
  }

  /** The version that is tried beside the default one; null: none is. */
  setChallenger(name: string, challenger: Challenger | null): void {
    this.catalogue.setChallenger(name, challenger);
  }

  challengerOf(name: string): Challenger | undefined {
    return this.catalogue.challengerOf(name);
  }

  /** A version that is not offered scores stream batches only; to requests it is not there. */
  setOffered(name: string, version: number, offered: boolean): void {
    this.catalogue.setOffered(name, version, offered);
  }

  /** Takes no new work, waits for what is under way, frees the session. An unknown version is none to unload. */
  async unload(name: string, version: number): Promise<void> {
    const entry = this.catalogue.find(name, version);
    if (entry === undefined || entry.state === 'UNLOADING') return;
    if (entry.state === 'LOADING') {
      throw new RelearnError('REFUSED', `model '${name}' version ${version} is being loaded`);
    }
    this.catalogue.withdraw(entry);
    entry.state = 'UNLOADING';
    if (entry.inFlight > 0) {
      await new Promise<void>((resolve) => {
        entry.drained = resolve;
      });
    }
    await this.pool.release(entry.session);
    this.catalogue.remove(entry);
  }

  /** Every version there is, with its state and, where it is unavailable, the reason. */
  list(): readonly ModelListing[] {
    return this.catalogue.list();
  }

  /** What each loaded version has done for requests, and how many of them wait or run. */
  figures(): readonly (FiguresOfVersion & { readonly pending: number })[] {
    return this.catalogue.served();
  }

  /** The same of versions that are no more, each told once. */
  departed(): readonly FiguresOfVersion[] {
    return this.catalogue.takeDeparted();
  }

  /** Is the version loaded and READY? */
  holds(name: string, version: number): boolean {
    return this.catalogue.find(name, version)?.state === 'READY';
  }

  /** READY versions that requests may name, ascending. Throws NOT_FOUND for an unknown model. */
  versionsOf(name: string): readonly string[] {
    return this.catalogue.versionsOf(name);
  }

  /**
   * The version that answers: the default for an empty version text. Throws NOT_FOUND, UNAVAILABLE or INVALID_INPUT
   * with the protocol's texts.
   */
  resolve(name: string, version: string): ServedModel {
    return this.catalogue.resolve(name, version);
  }

  /** Runs a checked request in a batch. Throws UNAVAILABLE while stopping or when the queue is full. */
  submit(model: ServedModel, job: Job): Promise<JobAnswer> {
    if (this.draining) return Promise.reject(refusals.stopping());
    return this.counted(this.entryOf(model), () => this.batcher.submit(job));
  }

  /**
   * Runs what nobody waits for, after the requests that wait. Null where too much of it is under way: it is left out, and
   * counted. Throws what the run throws.
   */
  async mirror(model: ServedModel, job: Job): Promise<JobAnswer | null> {
    const full = this.mirrored >= mostMirrored || this.mirroredBytes + job.bytes > mostMirroredBytes;
    if (this.draining || full) {
      this.options.onLeftOut?.('mirror');
      return null;
    }
    this.mirrored += 1;
    this.mirroredBytes += job.bytes;
    try {
      return await this.counted(this.entryOf(model), () => this.batcher.submitBackground(job));
    } finally {
      this.mirrored -= 1;
      this.mirroredBytes -= job.bytes;
    }
  }

  /** Logs what is no answer: a failure or a mirrored run. Where the log takes no more of it, it is left out, and counted. */
  note(record: PredictionRecord): void {
    try {
      this.options.log?.([record]);
    } catch (thrown) {
      const error = RelearnError.from(thrown);
      if (error.code !== 'RESOURCE_EXHAUSTED') this.options.onTrouble?.(`not logged: ${error.describe()}`);
      this.options.onLeftOut?.(record.answered === undefined ? 'failure' : 'mirror');
    }
  }

  /**
   * Scores up to 1,000 rows of a stream after the requests that wait: one output a model output, rows in order.
   * `version` null is the default one; a version that is not offered may be named. A column that the model takes
   * must be there, others are ignored. Throws INVALID_INPUT naming column and row, NOT_FOUND, UNAVAILABLE.
   */
  async run(name: string, version: number | null, columns: Columns): Promise<readonly TensorValues[]> {
    if (this.draining) throw refusals.stopping();
    const served = this.catalogue.resolveForStream(name, version);
    const rows = rowsOf(served, columns, this.maxRequestRows);
    const answers = await this.counted(this.entryOf(served), () => this.runSlices(served, columns, rows));
    return served.signature.outputs.map((spec, index) => {
      const parts = answers.map((outputs) => outputs[index] ?? { shape: [0], bytes: new Uint8Array() });
      return valuesOf(spec, joined(parts));
    });
  }

  private async runSlices(served: ServedModel, columns: Columns, rows: number): Promise<(readonly TensorBytes[])[]> {
    if (rows > 1 && !served.batchable) {
      throw new RelearnError('INVALID_INPUT', `model '${served.name}' takes one row at a time`);
    }
    const outputs = served.signature.outputs.map((_spec, index) => index);
    const answers: (readonly TensorBytes[])[] = [];
    for (let from = 0; from < rows; from += sliceRows) {
      const to = Math.min(rows, from + sliceRows);
      const inputs = served.signature.inputs.map((spec) => columnTensor(spec, columns[spec.name] ?? [], from, to));
      const answer = await this.batcher.submitBackground({
        target: served,
        group: '',
        rows: to - from,
        inputs,
        outputs,
        bytes: 0,
        unwanted: () => undefined,
      });
      answers.push(answer.outputs);
    }
    return answers;
  }

  private async loadEntry(
    entry: ModelEntry,
    onnx: Uint8Array,
    signature: ModelSignature | null,
    warmUp: Columns | undefined,
  ): Promise<ModelSignature> {
    try {
      const graph = await this.pool.load(entry.session, onnx, entry.digest);
      const agreed = agreedSignature(graph, signature);
      const batchable = await this.tryOut(entry.session, agreed, warmUp);
      entry.served = servedModel(entry, agreed, batchable);
      entry.state = 'READY';
      return agreed;
    } catch (thrown) {
      await this.pool.release(entry.session);
      entry.state = 'UNAVAILABLE';
      const error = RelearnError.from(thrown);
      entry.reason = error.message;
      const label = `model '${entry.name}' version ${entry.version}`;
      throw new RelearnError(error.code, `${label}: ${error.message}`, { cause: thrown });
    }
  }

  private entryOf(model: ServedModel): ModelEntry {
    const entry = this.catalogue.find(model.name, Number(model.version));
    if (entry?.served !== model) throw refusals.notReady(model.name, model.version);
    return entry;
  }

  private async counted<T>(entry: ModelEntry, work: () => Promise<T>): Promise<T> {
    entry.inFlight += 1;
    this.underWay += 1;
    try {
      return await work();
    } finally {
      entry.inFlight -= 1;
      this.underWay -= 1;
      if (entry.inFlight === 0) entry.drained?.();
      if (this.underWay === 0) this.quiet?.();
    }
  }

  /** Load-and-query. Tells whether rows of several requests may share a run: every output then has the batch's rows. */
  private async tryOut(session: number, signature: ModelSignature, warmUp: Columns | undefined): Promise<boolean> {
    const target = { session, signature, batchable: false };
    const outputs = signature.outputs.map((_spec, index) => index);
    let batchable = mayBatch(signature);
    for (const { rows, inputs } of trialsOf(signature, warmUp, this.maxRequestRows)) {
      const job = { target, group: '', rows, inputs, outputs, bytes: 0, unwanted: () => undefined };
      const answer = await this.batcher.submitBackground(job);
      batchable &&= answer.outputs.every(({ shape }) => shape[0] === rows);
    }
    return batchable;
  }

  private lost(session: number, reason: string): void {
    const entry = this.catalogue.ofSession(session);
    if (entry === undefined) return;
    entry.state = 'UNAVAILABLE';
    entry.reason = reason;
    this.options.onTrouble?.(`model '${entry.name}' version ${entry.version} is lost: ${reason}`);
  }
}

function servedModel(entry: ModelEntry, signature: ModelSignature, batchable: boolean): ServedModel {
  const places = (specs: ModelSignature['inputs']) => new Map(specs.map(({ name }, index) => [name, index]));
  return {
    name: entry.name,
    version: String(entry.version),
    digest: entry.digest,
    session: entry.session,
    signature,
    batchable,
    inputAt: places(signature.inputs),
    outputAt: places(signature.outputs),
    figures: new ModelFigures(),
  };
}

function rowsOf(served: ServedModel, columns: Columns, most: number): number {
  let rows: number | undefined;
  for (const { name } of served.signature.inputs) {
    const cells = columns[name];
    if (cells === undefined) {
      throw new RelearnError('INVALID_INPUT', `column '${name}' is missing for model '${served.name}'`);
    }
    rows ??= cells.length;
    if (cells.length !== rows) {
      throw new RelearnError('INVALID_INPUT', `column '${name}' has ${cells.length} rows, not ${rows}`);
    }
  }
  if (rows === undefined || rows === 0) throw new RelearnError('INVALID_INPUT', 'there are no rows to score');
  if (rows > most) throw new RelearnError('TOO_LARGE', `${rows} rows are more than ${most}`);
  return rows;
}
