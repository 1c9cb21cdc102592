import type { OutgoingRecord } from '@relearn/bus';
import {
  BatchBuilder,
  dataReceived,
  type Event,
  encodeEvent,
  labelStream,
  maxBatchRows,
  partitionFor,
  rowStream,
} from '@relearn/contracts';
import { formatTimestamp } from '@relearn/kernel';
import type { AppliedPipeline, Ports } from '@relearn/runtime';
import { spanNames } from '@relearn/telemetry';
import type { RawRecord } from '../domain/raw-record.js';

/** JSON bytes after which a batch is closed, by estimate, and those that no batch of several records may exceed. */
const batchBytes = 200 * 1024;
const mostBatchBytes = 400 * 1024;

export interface RawWrite {
  readonly pipeline: string;
  readonly applied: AppliedPipeline;
  readonly records: readonly RawRecord[];
  /** The pipeline's business time, ms; absent: when the last record of each batch became known. */
  readonly time?: number;
  readonly actor?: string | undefined;
  readonly subject?: string;
}

/**
 * Writes raw records as `data.received` events: batches of up to 1,000 records in order, each record in the shards
 * where it belongs. One a process; numbers its events by pipeline and partition.
 */
export class RawWriter {
  private readonly ports: Ports;
  /** Tells this process's events from those of an earlier one of the same name. */
  private readonly run: string;
  private readonly sequences = new Map<string, number>();

  constructor(ports: Ports) {
    this.ports = ports;
    this.run = ports.kernel.chance.id();
  }

  /** Resolves when the bus has the records durably. Throws UNAVAILABLE, RESOURCE_EXHAUSTED or TOO_LARGE of the bus. */
  async write(write: RawWrite): Promise<void> {
    const { bus, kernel, telemetry } = this.ports;
    const { verb, kind } = spanNames.send;
    await telemetry.span(
      `${verb} data.raw`,
      { kind, attributes: { 'relearn.pipeline': write.pipeline } },
      async (span) => {
        const outgoing: OutgoingRecord[] = [];
        for (const [partition, records] of this.route(write)) {
          for (const batch of batchesOf(records)) {
            outgoing.push(...this.encode(write, partition, batch, span.traceparent));
            await kernel.clock.breathe();
          }
        }
        await bus.publish(outgoing);
      },
    );
    telemetry.metrics.records.add(
      { service: 'ingestion', pipeline: write.pipeline, result: 'accepted' },
      write.records.length,
    );
  }

  /** Rows and labels go to the partition of their `shard_by` value, everything else to every shard. */
  private route({ pipeline, applied, records }: RawWrite): Map<number, RawRecord[]> {
    const { shard_by: shardBy } = applied.spec.source;
    const byPartition = new Map<number, RawRecord[]>();
    const send = (partition: number, record: RawRecord) => {
      const there = byPartition.get(partition);
      if (there === undefined) byPartition.set(partition, [record]);
      else there.push(record);
    };
    for (const record of records) {
      if (shardBy === undefined || (record.stream !== rowStream && record.stream !== labelStream)) {
        for (const partition of applied.shards) send(partition, record);
      } else {
        send(partitionFor(pipeline, this.ports.partitions, String(record.values[shardBy] ?? '')), record);
      }
    }
    return byPartition;
  }

  private encode(
    write: RawWrite,
    partition: number,
    records: readonly RawRecord[],
    traceparent: string | undefined,
  ): OutgoingRecord[] {
    const record = this.encodeBatch(write, partition, records, traceparent);
    if (record.value.byteLength <= mostBatchBytes || records.length < 2) return [record];
    const middle = records.length >> 1;
    return [records.slice(0, middle), records.slice(middle)].flatMap((half) =>
      this.encode(write, partition, half, traceparent),
    );
  }

  private encodeBatch(
    write: RawWrite,
    partition: number,
    records: readonly RawRecord[],
    traceparent: string | undefined,
  ): OutgoingRecord {
    const { pipeline, applied, time = records.at(-1)?.knownAt ?? 0, actor, subject } = write;
    const builder = new BatchBuilder();
    for (const record of records) builder.add(record.stream, record.id, record.time, record.values);
    const source = `ingestion/${this.ports.instance}-${this.run}/${pipeline}/${partition}`;
    const sequence = (this.sequences.get(source) ?? -1) + 1;
    this.sequences.set(source, sequence);
    const event: Event = {
      id: `${source}@${sequence}`,
      source,
      type: dataReceived.type,
      sequence,
      // Raw records are told apart by their ids: nothing follows from an event that was not written.
      previous: null,
      time: formatTimestamp(time),
      pipeline,
      pipelineversion: applied.version,
      ...(actor === undefined ? {} : { actor }),
      ...(subject === undefined ? {} : { subject }),
      ...(traceparent === undefined ? {} : { traceparent }),
      data: builder.build(),
    };
    const { headers, value } = encodeEvent(event);
    return {
      topic: dataReceived.topic,
      partition,
      key: pipeline,
      headers: { ...headers, ce_records: String(records.length) },
      value,
    };
  }
}

/** Cuts records into batches by number and estimated size. */
function* batchesOf(records: readonly RawRecord[]): Generator<readonly RawRecord[]> {
  let from = 0;
  let bytes = 0;
  for (let index = 0; index < records.length; index++) {
    const record = records[index];
    if (record === undefined) continue;
    const size = estimate(record);
    if (index > from && (index - from >= maxBatchRows || bytes + size > batchBytes)) {
      yield records.slice(from, index);
      from = index;
      bytes = 0;
    }
    bytes += size;
  }
  if (from < records.length) yield records.slice(from);
}

/** JSON bytes of a record in a batch, more or less. */
function estimate(record: RawRecord): number {
  let bytes = record.id.length + 20;
  for (const cell of Object.values(record.values)) bytes += typeof cell === 'string' ? cell.length + 3 : 8;
  return bytes;
}
