import type { Bus, OutgoingRecord, PartitionReader } from '../port.js';

/** What a workload works on: the suite runs it small, the benchmark large. */
export interface Load {
  readonly bus: Bus;
  readonly topic: string;
  readonly partitions: number;
  readonly records: number;
  /** Bytes of a record's value, four at least. */
  readonly bytes: number;
  /** Records that one call publishes. */
  readonly batch: number;
  /** Calls that are under way at once. */
  readonly calls: number;
}

const never = new AbortController().signal;
const limits = { maxRecords: 1_000, maxBytes: 4 * 1024 * 1024 };
const headers = { ce_type: 'relearn.data.validated.v1', ce_id: 'a1b2c3', ce_source: 'flights/0/data.valid' };

/** The records of a call: numbered in their partitions, so that a reader sees what is missing or out of order. */
export function recordsOf({ topic, partitions, bytes, batch }: Omit<Load, 'bus'>, call: number): OutgoingRecord[] {
  return Array.from({ length: batch }, (_, index) => {
    const n = call * batch + index;
    const value = new Uint8Array(bytes).fill(65);
    new DataView(value.buffer).setUint32(0, Math.floor(n / partitions));
    return { topic, partition: n % partitions, key: 'LGA', headers, value };
  });
}

/** Publishes all; resolves when the last is acknowledged. */
export async function publishAll(load: Load): Promise<void> {
  const total = Math.ceil(load.records / load.batch);
  let next = 0;
  const publish = async () => {
    while (next < total) await load.bus.publish(recordsOf(load, next++));
  };
  await Promise.all(Array.from({ length: load.calls }, publish));
}

/** How many of the numbered records have come; throws where one is missing. Copies of what came before are passed over. */
class Count {
  readonly wanted: number;
  private readonly seen = new Map<number, number>();
  private total = 0;
  private finish: () => void = () => undefined;
  fail: (error: unknown) => void = () => undefined;
  readonly done: Promise<void>;

  constructor({ records, batch }: Load) {
    this.wanted = Math.ceil(records / batch) * batch;
    this.done = new Promise((resolve, reject) => {
      this.finish = resolve;
      this.fail = reject;
    });
  }

  take(partition: number, value: Uint8Array, ordered: boolean): void {
    const number = new DataView(value.buffer, value.byteOffset).getUint32(0);
    const next = this.seen.get(partition) ?? 0;
    if (number < next && ordered) return;
    if (number > next && ordered) throw new Error(`partition ${partition}: ${next} is missing before ${number}`);
    this.seen.set(partition, next + 1);
    this.total += 1;
    if (this.total === this.wanted) this.finish();
  }
}

/**
 * Reads all of a topic that holds the load as a group of one member, and commits after each batch. Where several calls were
 * under way their records are in any order.
 */
export async function consumeAll(load: Load, group: string): Promise<void> {
  const count = new Count(load);
  const stop = new AbortController();
  const loops: Promise<void>[] = [];
  const consume = async (reader: PartitionReader) => {
    while (!stop.signal.aborted) {
      const records = await reader.next(limits, stop.signal);
      for (const { partition, value } of records) count.take(partition, value, load.calls === 1);
      const last = records.at(-1);
      if (last !== undefined) await reader.commit(last.position + 1);
    }
  };
  const subscription = await load.bus.subscribe({
    group,
    topics: [load.topic],
    onAssigned: (_, [reader]) => {
      if (reader !== undefined) loops.push(consume(reader).catch(count.fail));
    },
    onRevoked: async () => {
      await Promise.all(loops);
    },
  });
  try {
    await count.done;
  } finally {
    stop.abort();
    await subscription.close();
  }
}

/** Publishes one record after another and waits until a follower has each: milliseconds from call to arrival. */
export async function roundTrips({ bus, topic, records, bytes }: Load, now: () => number): Promise<number[]> {
  const [bounds] = await bus.bounds(topic);
  const reader = bus.follow(topic, 0, bounds?.end ?? 0);
  const times: number[] = [];
  for (let n = 0; n < records; n++) {
    const began = now();
    const arriving = reader.next(limits, never);
    await bus.publish([{ topic, partition: 0, key: null, headers, value: new Uint8Array(bytes) }]);
    await arriving;
    times.push(now() - began);
  }
  return times;
}
