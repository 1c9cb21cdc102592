import { type Kernel, RelearnError } from '@relearn/kernel';
import { encodeHead, recordBytes, refuseTooLarge } from '../core/records.js';
import type { OutgoingRecord, Position } from '../port.js';
import { hasMoved } from './errors.js';
import type { Topics } from './topics.js';
import type { Wire } from './wire.js';

interface Call {
  readonly positions: Position[];
  left: number;
  readonly resolve: (positions: Position[]) => void;
  readonly reject: (error: RelearnError) => void;
}

interface Waiting {
  readonly record: OutgoingRecord;
  readonly bytes: number;
  readonly call: Call;
  /** Which of the call's records it is. */
  readonly index: number;
}

type Batch = readonly Waiting[];

const mostBytesWaiting = 256 * 1024 * 1024;
/** A partition's share of a request is one batch of Kafka's: below the greatest, which counts what frames the records too. */
const partitionBytes = 900 * 1024;
const requestBytes = 4 * 1024 * 1024;
const ackMs = 8_000;
const attempts = 20;
const longestPauseMs = 500;

/**
 * Writes what is published: in its order, one batch at a time, each acknowledged by all replicas in sync. What comes while a
 * batch is under way goes together in the next. When a batch fails, all that waits behind it fails with it, so that nothing is
 * written after what is not.
 */
export class Producer {
  private readonly wire: Wire;
  private readonly topics: Topics;
  private readonly kernel: Kernel;
  private queue: Waiting[] = [];
  private bytesWaiting = 0;
  private running = false;

  constructor(wire: Wire, topics: Topics, kernel: Kernel) {
    this.wire = wire;
    this.topics = topics;
    this.kernel = kernel;
  }

  /** Of topics and partitions that exist. */
  publish(records: readonly OutgoingRecord[]): Promise<Position[]> {
    let bytes = 0;
    const sizes = records.map((record) => {
      const size = recordBytes(encodeHead(record), record.value);
      refuseTooLarge(record, size);
      bytes += size;
      return size;
    });
    if (this.bytesWaiting > 0 && this.bytesWaiting + bytes > mostBytesWaiting) {
      throw new RelearnError('RESOURCE_EXHAUSTED', `${this.bytesWaiting} bytes wait for Kafka`);
    }
    return new Promise((resolve, reject) => {
      const call: Call = { positions: new Array<Position>(records.length), left: records.length, resolve, reject };
      for (const [index, record] of records.entries()) {
        // The caller may use its bytes again before they are sent.
        const own = { ...record, value: Buffer.from(record.value) };
        this.queue.push({ record: own, bytes: sizes[index] ?? 0, call, index });
      }
      this.bytesWaiting += bytes;
      if (!this.running) void this.run();
    });
  }

  private async run(): Promise<void> {
    this.running = true;
    // What is published in the same turn goes together.
    await Promise.resolve();
    for (let batch = this.nextBatch(); batch.length > 0; batch = this.nextBatch()) {
      try {
        await this.write(batch);
      } catch (thrown) {
        const error = RelearnError.from(thrown);
        const behind = this.queue;
        this.queue = [];
        for (const { call } of [...batch, ...behind]) call.reject(error);
        this.bytesWaiting -= sum(behind);
      }
      this.bytesWaiting -= sum(batch);
    }
    this.running = false;
  }

  /** From the head of the queue as much as one request takes. */
  private nextBatch(): Batch {
    const perPartition = new Map<string, number>();
    let total = 0;
    let count = 0;
    for (const { record, bytes } of this.queue) {
      const key = `${record.topic}/${record.partition}`;
      const ofPartition = (perPartition.get(key) ?? 0) + bytes;
      total += bytes;
      if (count > 0 && (ofPartition > partitionBytes || total > requestBytes)) break;
      perPartition.set(key, ofPartition);
      count += 1;
    }
    return this.queue.splice(0, count);
  }

  /**
   * Sends again what was refused because its leader has moved or its replicas are too few: that has not been written. Whether a
   * request that got no answer was written nobody knows: its caller has the error.
   */
  private async write(batch: Batch): Promise<void> {
    let shares = sharesOf(batch);
    for (let attempt = 1; ; attempt++) {
      const outcomes = await Promise.allSettled(shares.map((share) => this.send(share)));
      const failures = outcomes.flatMap((outcome) =>
        outcome.status === 'rejected' ? [outcome.reason as unknown] : [],
      );
      if (failures.length === 0) return;
      shares = shares.filter((_, index) => outcomes[index]?.status === 'rejected');
      for (const { topic } of shares) this.topics.forgetLeaders(topic);
      const final = failures.find((failure) => !hasMoved(failure));
      if (final !== undefined || attempt >= attempts) throw final ?? failures[0];
      await this.kernel.clock.sleep(
        Math.min(longestPauseMs, 10 * 2 ** attempt) * (0.5 + this.kernel.chance.next() / 2),
      );
    }
  }

  /** A request a partition: kafkajs tells only the first failure of a request, and each share has an outcome of its own. */
  private async send({ topic, partition, records }: Share): Promise<void> {
    const node = await this.topics.leader(topic, partition);
    const messages = records.map(({ record: { key, value, headers } }) => ({ key, value, headers }));
    const topicData = [{ topic: this.topics.nameInCluster(topic), partitions: [{ partition, messages }] }];
    const answer = await this.wire.ask(
      'publish',
      node,
      `publish to ${topic}/${partition}`,
      (broker) => broker.produce({ acks: -1, timeout: ackMs, topicData }),
      ackMs,
    );
    const base = Number(answer.topics[0]?.partitions[0]?.baseOffset);
    for (const [index, waiting] of records.entries()) settle(waiting, base + index);
  }
}

/** What of a batch goes to one partition. */
interface Share {
  readonly topic: string;
  readonly partition: number;
  readonly records: Waiting[];
}

function sharesOf(batch: Batch): readonly Share[] {
  const shares = new Map<string, Share>();
  for (const waiting of batch) {
    const { topic, partition } = waiting.record;
    const key = `${topic}/${partition}`;
    const share = shares.get(key);
    if (share === undefined) shares.set(key, { topic, partition, records: [waiting] });
    else share.records.push(waiting);
  }
  return [...shares.values()];
}

function settle({ call, index }: Waiting, position: Position): void {
  call.positions[index] = position;
  call.left -= 1;
  if (call.left === 0) call.resolve(call.positions);
}

function sum(batch: Batch): number {
  return batch.reduce((bytes, one) => bytes + one.bytes, 0);
}
