import { type Columns, encodeEvent, partitionFor, predictionLogged } from '@relearn/contracts';
import { formatTimestamp, type Part, RelearnError, retry } from '@relearn/kernel';
import { businessNow, type Ports } from '@relearn/runtime';
import type { PredictionLog, PredictionRecord } from '../inference/prediction-record.js';
import { columnsByName } from '../inference/values.js';
import { SpoolFiles } from './spool-files.js';

/** One answered request as a line of the spool; its rows are numbered from `first`. */
interface SpooledRequest {
  readonly first: number;
  readonly pipeline: string;
  readonly model: number;
  readonly id: string;
  readonly eventIds: readonly (string | null)[];
  readonly inputs: Columns;
  readonly outputs: Columns;
  readonly computeMs: number;
  readonly totalMs: number;
  readonly rows: number;
}

export interface SpoolOptions {
  readonly folder: string;
  /** Bytes that may wait for the bus; beyond it requests are refused. */
  readonly maxBytes?: number;
}

const shipAtOnce = 64;

/**
 * Keeps what was answered until the bus has it: a record is in a local file before its answer leaves, and is shipped
 * from there under (spool, row number), by which readers recognise a second copy. At its bound requests are refused.
 */
export class PredictionSpool implements Part {
  readonly name = 'prediction spool';
  private readonly ports: Ports;
  private readonly files: SpoolFiles;
  private readonly maxBytes: number;
  private readonly stopping = new AbortController();
  private readonly last = new Map<string, number>();
  private waiting: { request: SpooledRequest; bytes: number }[] = [];
  private waitingBytes = 0;
  private next = 1;
  private source = '';
  private wake: () => void = () => undefined;
  private shipping: Promise<void> = Promise.resolve();

  constructor(ports: Ports, { folder, maxBytes = 64 * 1024 * 1024 }: SpoolOptions) {
    this.ports = ports;
    this.files = new SpoolFiles(folder);
    this.maxBytes = maxBytes;
  }

  async start(): Promise<void> {
    this.source = `serving/spool-${this.files.identity(() => this.ports.kernel.chance.id())}`;
    const { acked, last } = this.files.readState();
    for (const [partition, number] of Object.entries(last)) this.last.set(partition, number);
    this.next = acked + 1;
    for (const line of this.files.lines()) {
      const request = JSON.parse(line) as SpooledRequest;
      if (request.first > acked) this.enqueue(request, line.length);
      this.next = Math.max(this.next, request.first + request.rows);
    }
    this.shipping = this.ship();
  }

  /** Ships what is left, while the bus takes it, and closes the file. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake();
    await this.shipping;
    this.files.close();
  }

  /** Takes the records of one run: one write. Throws RESOURCE_EXHAUSTED at the bound. */
  readonly log: PredictionLog = (records) => {
    if (this.waitingBytes > this.maxBytes) {
      throw new RelearnError('RESOURCE_EXHAUSTED', 'the prediction log is full: the bus has not taken it for a while', {
        retryAfterMs: 1000,
      });
    }
    const requests = records.map((record) => this.requestOf(record));
    const [first] = requests;
    if (first === undefined) return;
    const lines = requests.map((request) => `${JSON.stringify(request)}\n`);
    this.files.append(first.first, lines.join(''));
    requests.forEach((request, index) => this.enqueue(request, lines[index]?.length ?? 0));
    this.wake();
  };

  private requestOf(record: PredictionRecord): SpooledRequest {
    const first = this.next;
    this.next += record.rows;
    const { label: _, ...outputs } = columnsByName(record.outputs());
    const { queueMs, computeMs } = record.timings;
    return {
      first,
      pipeline: record.model,
      model: Number(record.version),
      id: record.id,
      eventIds: record.eventIds,
      inputs: columnsByName(record.inputs()),
      outputs,
      computeMs,
      totalMs: queueMs + computeMs,
      rows: record.rows,
    };
  }

  private enqueue(request: SpooledRequest, bytes: number): void {
    this.waiting.push({ request, bytes });
    this.waitingBytes += bytes;
  }

  private async ship(): Promise<void> {
    const { signal } = this.stopping;
    const { clock, chance } = this.ports.kernel;
    while (!signal.aborted || this.waiting.length > 0) {
      if (this.waiting.length === 0) {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
          if (signal.aborted || this.waiting.length > 0) resolve();
        });
        continue;
      }
      const batch = this.waiting.slice(0, shipAtOnce);
      try {
        const records = await Promise.all(batch.map(({ request }) => this.recordOf(request)));
        const attempts = signal.aborted ? { attempts: 3 } : {};
        await retry({ clock, chance, ...attempts }, () => this.ports.bus.publish(records));
      } catch (thrown) {
        const error = RelearnError.from(thrown);
        this.ports.telemetry.log.error(
          { service: 'serving', code: error.code },
          `predictions stay in the spool: ${error.describe()}`,
        );
        if (signal.aborted) return;
        await clock.sleep(1000, signal);
        continue;
      }
      this.shipped(batch);
    }
  }

  private shipped(batch: readonly { request: SpooledRequest; bytes: number }[]): void {
    this.waiting = this.waiting.slice(batch.length);
    for (const { bytes } of batch) this.waitingBytes -= bytes;
    const final = batch.at(-1)?.request;
    const acked = final === undefined ? 0 : final.first + final.rows - 1;
    this.files.writeState({ acked, last: Object.fromEntries(this.last) });
    this.files.discard(acked);
  }

  private async recordOf(request: SpooledRequest) {
    const { pipeline, model, first, rows, inputs, outputs } = request;
    const { catalog, partitions } = this.ports;
    const applied = catalog.latest(pipeline);
    const shardBy = applied?.spec.source.shard_by;
    const shardValue = shardBy === undefined ? undefined : inputs[shardBy]?.[0];
    const joinable = shardBy === undefined || (shardValue !== undefined && shardValue !== null);
    const partition = partitionFor(
      pipeline,
      partitions,
      shardValue === undefined || shardValue === null ? undefined : String(shardValue),
    );
    const now = await businessNow(this.ports, pipeline);
    const source = `${this.source}/${partition}/predictions`;
    const sequence = first + rows - 1;
    const previous = this.last.get(String(partition)) ?? null;
    this.last.set(String(partition), sequence);
    const event = {
      id: `${source}@${sequence}`,
      source,
      type: predictionLogged.type,
      sequence,
      previous,
      time: formatTimestamp(now),
      pipeline,
      pipelineversion: applied?.version ?? 0,
      data: {
        kind: 'request' as const,
        ids: request.eventIds.map((id) => (joinable ? id : null)),
        times: request.eventIds.map(() => now),
        at: Array.from({ length: rows }, (_, row) => first + row),
        inputs,
        arms: [{ arm: 'champion' as const, model, outputs }],
        watermark: null,
        request: { id: request.id, computeMs: request.computeMs, totalMs: request.totalMs },
      },
    };
    return { topic: predictionLogged.topic, partition, key: pipeline, ...encodeEvent(event) };
  }
}
