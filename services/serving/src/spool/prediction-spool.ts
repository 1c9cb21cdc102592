import type { OutgoingRecord } from '@relearn/bus';
import { type Part, RelearnError, retry } from '@relearn/kernel';
import { businessNow, type Ports } from '@relearn/runtime';
import type { PredictionLog, PredictionRecord } from '../inference/prediction-record.js';
import { recordsOfLine } from './logged-events.js';
import { loggedLineOf } from './logged-line.js';
import { SpoolFiles } from './spool-files.js';
import { decodeLine, encodeLine } from './line-codec.js';
import { joinLines, linesOf, type SpooledLine } from './spooled-line.js';

interface Waiting {
  readonly line: SpooledLine;
  readonly bytes: number;
}

/** What becomes of answers while there is no room for their records: they are refused, or given without one and counted. */
export type FullPolicy = 'reject' | 'drop-and-count';

export interface SpoolOptions {
  readonly folder: string;
  /** Bytes that may wait for the bus; beyond it the policy holds. Default 64 MiB. */
  readonly maxBytes?: number;
  /** Default `reject`. */
  readonly whenFull?: FullPolicy;
}

/** Lines, and their bytes, that are shipped at once. */
const shipAtOnce = 1_024;
const shipBytes = 4 * 1024 * 1024;

/**
 * Between two shipments that leave nothing behind: few large ones cost less. Only the judge of a rollout waits for them, and
 * has them at once.
 */
const pauseMs = 250;

/**
 * Keeps what was answered until the bus has it: a record is in a local file before its answer leaves, and is shipped
 * from there under (spool, row number), by which readers recognise a second copy. At its bound requests are refused, unless
 * the policy is another.
 */
export class PredictionSpool implements Part {
  readonly name = 'prediction spool';
  private readonly base: Pick<Ports, 'kernel' | 'telemetry'>;
  private readonly files: SpoolFiles;
  private readonly maxBytes: number;
  private readonly whenFull: FullPolicy;
  private readonly stopping = new AbortController();
  /** By source: the last row number that the bus has. */
  private last = new Map<string, number>();
  private waiting: Waiting[] = [];
  private waitingBytes = 0;
  private next = 1;
  private source = '';
  private wake: () => void = () => undefined;
  private shipping: Promise<void> = Promise.resolve();
  private started = false;

  constructor(base: Pick<Ports, 'kernel' | 'telemetry'>, options: SpoolOptions) {
    const { folder, maxBytes = 64 * 1024 * 1024, whenFull = 'reject' } = options;
    this.whenFull = whenFull;
    this.base = base;
    this.files = new SpoolFiles(folder);
    this.maxBytes = maxBytes;
  }

  /** Takes up what an earlier process left; again it changes nothing. Throws CORRUPT, naming the file, where that cannot be read. */
  async start(): Promise<void> {
    if (this.started) return;
    this.started = true;
    this.source = `serving/spool-${this.files.identity(() => this.base.kernel.chance.id())}`;
    const { acked, last } = this.files.readState();
    this.last = new Map(Object.entries(last));
    this.next = acked + 1;
    for (const { value, bytes, place } of this.files.recover()) {
      const line = decodeLine(value, place);
      if (line.first > acked) this.enqueue({ line, bytes });
      this.next = Math.max(this.next, line.first + line.rows);
    }
  }

  /** Lines that the bus has not got. */
  get depth(): number {
    return this.waiting.length;
  }

  /** From now on what is answered goes to the bus. */
  shipTo(ports: Ports): void {
    this.shipping = this.ship(ports);
  }

  /** Ships what is left, while the bus takes it, and closes the file. */
  async stop(): Promise<void> {
    if (this.stopping.signal.aborted) return;
    this.stopping.abort();
    this.wake();
    await this.shipping;
    this.files.close();
  }

  /**
   * Takes the records of one run: one write. At the bound it throws RESOURCE_EXHAUSTED, or counts answers that it leaves out;
   * answers have twice the room of the rest.
   */
  readonly log: PredictionLog = (records) => {
    const answers = records.some(({ failure, answered }) => failure === undefined && answered === undefined);
    if (this.waitingBytes > (answers ? this.maxBytes : this.maxBytes / 2)) {
      if (answers && this.whenFull === 'drop-and-count') {
        this.base.telemetry.metrics.unlogged.add({ what: 'answer' }, records.length);
        return;
      }
      throw new RelearnError('RESOURCE_EXHAUSTED', 'the prediction log is full: the bus has not taken it for a while', {
        retryAfterMs: 1000,
      });
    }
    const lines = linesOf(records, this.next);
    const texts = lines.map(encodeLine);
    const [first] = lines;
    if (first === undefined) return;
    this.files.append(first.first, texts.join(''));
    this.observe(records);
    lines.forEach((line, index) => {
      this.next = line.first + line.rows;
      this.enqueue({ line, bytes: texts[index]?.length ?? 0 });
    });
    this.wake();
  };

  /** All records of one run, one version's. */
  private observe(records: readonly PredictionRecord[]): void {
    const { predictions, inferenceQueue, inferenceCompute, inferenceRequest, inferenceBatch } =
      this.base.telemetry.metrics;
    const [first] = records;
    if (first === undefined) return;
    const labels = { pipeline: first.model, model: first.version, arm: first.arm };
    inferenceBatch.observe({ pipeline: first.model }, first.timings.batchRows);
    const told = { request: 0, mirror: 0 };
    for (const { rows, timings, traceId, failure, answered } of records) {
      if (failure !== undefined) continue;
      told[answered === undefined ? 'request' : 'mirror'] += rows;
      if (answered !== undefined) continue;
      const { queueMs, computeMs } = timings;
      inferenceQueue.observe(labels, queueMs / 1000, traceId);
      inferenceCompute.observe(labels, computeMs / 1000, traceId);
      inferenceRequest.observe(labels, (queueMs + computeMs) / 1000, traceId);
    }
    for (const kind of ['request', 'mirror'] as const) {
      if (told[kind] > 0) predictions.add({ ...labels, kind }, told[kind]);
    }
  }

  private enqueue(waiting: Waiting): void {
    this.waiting.push(waiting);
    this.waitingBytes += waiting.bytes;
  }

  private async ship(ports: Ports): Promise<void> {
    const { signal } = this.stopping;
    const { clock, chance } = ports.kernel;
    while (!signal.aborted || this.waiting.length > 0) {
      if (this.waiting.length === 0) {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
          if (signal.aborted || this.waiting.length > 0) resolve();
        });
        continue;
      }
      const batch = this.waiting.slice(0, this.shipment());
      try {
        const last = new Map(this.last);
        const records = await this.recordsOf(ports, batch, last);
        const patience = signal.aborted ? { attempts: 3 } : { signal };
        await retry({ clock, chance, ...patience }, () => ports.bus.publish(records));
        await this.shipped(batch, last);
        if (this.mayRest(batch)) await clock.sleep(pauseMs, signal);
      } catch (thrown) {
        const error = RelearnError.from(thrown);
        ports.telemetry.log.error(
          { service: 'serving', code: error.code },
          `predictions stay in the spool: ${error.describe()}`,
        );
        if (signal.aborted) return;
        await clock.sleep(1000, signal);
      }
    }
  }

  /** How many of the lines that wait go next; at least one. */
  private shipment(): number {
    let bytes = 0;
    const end = this.waiting.findIndex((line, index) => {
      bytes += line.bytes;
      return index === shipAtOnce || (index > 0 && bytes > shipBytes);
    });
    return end === -1 ? this.waiting.length : end;
  }

  private mayRest(shipped: readonly Waiting[]): boolean {
    const behind = this.waiting.length >= shipAtOnce || this.waitingBytes > shipBytes;
    return !behind && shipped.every(({ line }) => line.challenger === undefined);
  }

  /** Until this is done the batch counts as not shipped: it is then published again, the same as before. */
  private async shipped(batch: readonly Waiting[], last: Map<string, number>): Promise<void> {
    const final = batch.at(-1)?.line;
    const acked = final === undefined ? 0 : final.first + final.rows - 1;
    await this.files.writeState({ acked, last: Object.fromEntries(last) });
    this.files.discard(acked);
    this.last = last;
    this.waiting = this.waiting.slice(batch.length);
    for (const { bytes } of batch) this.waitingBytes -= bytes;
  }

  private async recordsOf(
    ports: Ports,
    batch: readonly Waiting[],
    last: Map<string, number>,
  ): Promise<OutgoingRecord[]> {
    const { catalog, partitions, telemetry, kernel } = ports;
    const times = new Map<string, number>();
    const records: OutgoingRecord[] = [];
    for (const line of joinLines(batch.map(({ line }) => line))) {
      const { pipeline } = line;
      const now = times.get(pipeline) ?? (await businessNow(ports, pipeline));
      times.set(pipeline, now);
      const applied = catalog.latest(pipeline);
      const onCut = (rows: number) =>
        telemetry.log.warn({ pipeline, row: line.first, rows }, 'logged without inputs, which are too large');
      records.push(
        ...recordsOfLine(loggedLineOf(line), { source: this.source, applied, partitions, now, last, onCut }),
      );
      await kernel.clock.breathe();
    }
    return records;
  }
}
