import { type Clock, type Part, RelearnError, retry, type Workers } from '@relearn/kernel';
import { businessNow, type Ports } from '@relearn/runtime';
import { distModule } from '@relearn/runtime/workers';
import type { PredictionLog } from '../inference/prediction-record.js';
import { decodeLine, encodeLine } from './line-codec.js';
import type { ShippedPipeline } from './logged-events.js';
import { RunMetrics } from './run-metrics.js';
import { recordsOf, type Shipment, type ShippedRecords, type Spoiled } from './shipment.js';
import { SpoolFiles, type Stretch } from './spool-files.js';
import { linesOf } from './spooled-line.js';
import { type Waiting, WaitingLines, waitingOf } from './waiting-lines.js';

/** What becomes of answers while there is no room for their records: they are refused, or given without one and counted. */
export type FullPolicy = 'reject' | 'drop-and-count';

export interface SpoolOptions {
  readonly folder: string;
  /** Bytes that may wait for the bus; beyond it the policy holds. Default 64 MiB. */
  readonly maxBytes?: number;
  /** Default `reject`. */
  readonly whenFull?: FullPolicy;
}

const makeRecords = distModule(import.meta.url, '../jobs/make-records.js');

/**
 * Between two shipments that leave nothing behind: few large ones cost less. Only the judge of a rollout waits for them, and
 * has them at once. It ends when many rows wait: what is shipped together is in memory together.
 */
const pauseMs = 250;
/** So many rows, or bytes, are made events in a thread, and so is a write of that many: no request waits for that. */
const manyRows = 1_024;
const manyBytes = 512 * 1024;
const largeWriteBytes = 48 * 1024;

/**
 * Keeps what was answered until the bus has it: a record is in a local file before its answer leaves, and is shipped
 * from there under (spool, row number), by which readers recognise a second copy. At its bound requests are refused, unless
 * the policy is another.
 */
export class PredictionSpool implements Part {
  readonly name = 'prediction spool';
  private readonly base: Pick<Ports, 'kernel' | 'telemetry'>;
  private readonly runs: RunMetrics;
  private readonly files: SpoolFiles;
  private readonly maxBytes: number;
  private readonly whenFull: FullPolicy;
  private readonly stopping = new AbortController();
  /** By source: the last row number that the bus has. */
  private last: ReadonlyMap<string, number> = new Map();
  private readonly waiting = new WaitingLines();
  private next = 1;
  private source = '';
  private wake: () => void = () => undefined;
  private shipping: Promise<void> = Promise.resolve();
  private started = false;

  constructor(base: Pick<Ports, 'kernel' | 'telemetry'>, options: SpoolOptions) {
    const { folder, maxBytes = 64 * 1024 * 1024, whenFull = 'reject' } = options;
    this.whenFull = whenFull;
    this.base = base;
    this.runs = new RunMetrics(base.telemetry.metrics);
    this.files = new SpoolFiles(folder);
    this.maxBytes = maxBytes;
  }

  /** Takes up what an earlier process left; again it changes nothing. Throws CORRUPT, naming the line, for another version's. */
  async start(): Promise<void> {
    if (this.started) return;
    this.started = true;
    this.source = `serving/spool-${this.files.identity(() => this.base.kernel.chance.id())}`;
    const { acked, last } = this.files.readState();
    this.last = new Map(Object.entries(last));
    this.next = acked + 1;
    const spoiled = new Map<string, number>();
    for (const { text, stretch, place } of this.files.recover()) {
      const line = decodeLine(text, place);
      if (line === null) {
        spoiled.set(stretch.file, (spoiled.get(stretch.file) ?? 0) + 1);
        // The bus may have its rows, whose numbers are not given again: each has taken a byte at least.
        this.next += stretch.bytes;
        continue;
      }
      if (line.first > acked) this.waiting.add(waitingOf(line, [line], stretch));
      else spoiled.clear();
      this.next = Math.max(this.next, line.first + line.rows);
    }
    for (const [file, lines] of spoiled) this.leaveOut({ file, lines });
  }

  /** Lines that the bus has not got. */
  get depth(): number {
    return this.waiting.lines;
  }

  /** From now on what is answered goes to the bus; where much is, `workers` make it events. */
  shipTo(ports: Ports, workers: Workers): void {
    this.shipping = this.ship(ports, workers);
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
    if (this.waiting.bytes > (answers ? this.maxBytes : this.maxBytes / 2)) {
      if (answers && this.whenFull === 'drop-and-count') {
        this.base.telemetry.metrics.unlogged.add({ what: 'answer' }, records.length);
        return;
      }
      throw new RelearnError('RESOURCE_EXHAUSTED', 'the prediction log is full: the bus has not taken it for a while', {
        retryAfterMs: 1000,
      });
    }
    const lines = linesOf(records, this.next);
    const [first] = lines;
    if (first === undefined) return;
    // Also where the write fails: some of its lines may be in the file, and their numbers are not given twice.
    for (const { rows } of lines) this.next += rows;
    const stretch = this.files.append(first.first, lines.map(encodeLine).join(''));
    this.runs.observe(records);
    this.waiting.add(waitingOf(first, lines, stretch));
    this.wake();
  };

  private async ship(ports: Ports, workers: Workers): Promise<void> {
    const { signal } = this.stopping;
    const { clock, chance } = ports.kernel;
    while (!signal.aborted || !this.waiting.none) {
      if (this.waiting.none) {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
          if (signal.aborted || !this.waiting.none) resolve();
        });
        continue;
      }
      const batch = this.waiting.next();
      try {
        const made = await this.recordsOf(ports, workers, batch);
        const patience = signal.aborted ? { attempts: 3 } : { signal };
        await retry({ clock, chance, ...patience }, () => ports.bus.publish(made.records));
        await this.shipped(batch, made);
        if (this.mayRest(batch)) await this.rest(clock);
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

  private mayRest(shipped: readonly Waiting[]): boolean {
    return !this.waiting.behind && !shipped.some(({ judged }) => judged);
  }

  private async rest(clock: Clock): Promise<void> {
    const ended = new AbortController();
    this.wake = () => {
      if (this.stopping.signal.aborted || this.waiting.rows >= manyRows) ended.abort();
    };
    this.wake();
    await clock.sleep(pauseMs, ended.signal);
    // To abort again what is over would make an error at each run.
    this.wake = () => undefined;
  }

  /** Until this is done the batch counts as not shipped: it is then published again, the same as before. */
  private async shipped(batch: readonly Waiting[], { last, spoiled }: ShippedRecords): Promise<void> {
    const acked = batch.at(-1)?.last ?? 0;
    await this.files.writeState({ acked, last: Object.fromEntries(last) });
    for (const each of spoiled) this.leaveOut(each);
    this.files.discard(acked);
    this.last = last;
    this.waiting.gone(batch);
  }

  /** What is not there any more cannot be shipped, and must not hold up the rest. */
  private leaveOut({ file, lines }: Spoiled): void {
    const { log, metrics } = this.base.telemetry;
    metrics.unlogged.add({ what: 'spoiled' }, lines);
    const kept = this.files.keep(file);
    log.error(
      { service: 'serving', code: 'CORRUPT', file, lines },
      `lines of the prediction spool are spoiled: their answers are missing from the log; the file is kept as ${kept}`,
    );
  }

  private async recordsOf(ports: Ports, workers: Workers, batch: readonly Waiting[]): Promise<ShippedRecords> {
    const { catalog, partitions, telemetry, kernel } = ports;
    const pipelines = new Map<string, ShippedPipeline>();
    for (const pipeline of new Set(batch.map((waiting) => waiting.pipeline))) {
      const { version = 0, spec } = catalog.latest(pipeline) ?? {};
      pipelines.set(pipeline, { version, shardBy: spec?.source.shard_by, now: await businessNow(ports, pipeline) });
    }
    const stretches = neighboursJoined(batch.map(({ stretch }) => stretch));
    const shipment: Shipment = { stretches, source: this.source, partitions, pipelines, last: this.last };
    const made = isMuch(batch)
      ? ((await workers.run({ module: makeRecords, input: shipment })) as ShippedRecords)
      : await recordsOf(shipment, () => kernel.clock.breathe());
    for (const row of made.cut) telemetry.log.warn(row, 'logged without inputs, which are too large');
    return made;
  }
}

function isMuch(batch: readonly Waiting[]): boolean {
  let [rows, bytes] = [0, 0];
  for (const waiting of batch) {
    if (waiting.stretch.bytes >= largeWriteBytes) return true;
    rows += waiting.rows;
    bytes += waiting.stretch.bytes;
  }
  return rows >= manyRows || bytes >= manyBytes;
}

/** Each file's are read at once. */
function neighboursJoined(stretches: readonly Stretch[]): Stretch[] {
  const all: Stretch[] = [];
  for (const stretch of stretches) {
    const before = all.at(-1);
    if (before?.file !== stretch.file || before.at + before.bytes !== stretch.at) all.push(stretch);
    else all[all.length - 1] = { ...before, bytes: before.bytes + stretch.bytes };
  }
  return all;
}
