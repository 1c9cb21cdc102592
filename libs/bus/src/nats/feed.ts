import { AckPolicy, createInbox, DeliverPolicy, type Msg, nanos, ReplayPolicy, type Subscription } from 'nats';
import { RelearnError } from '@relearn/kernel';
import { onAbort } from '../core/aborts.js';
import { fitting } from '../core/batch.js';
import type { Position, ReadLimits, StoredRecord } from '../port.js';
import type { Connection } from './connection.js';
import { type Sized, stored } from './stream-log.js';
import type { Partition } from './topics.js';

const pullRecords = 500;
/** More than the largest message, and what a reader holds in memory at most beside what it holds already. */
const pullBytes = 1024 * 1024;
const pullMs = 60_000;
const heartbeatMs = 15_000;
/** Silence of a pull after which it is taken for lost, and idleness after which a reader's consumer is given back. */
export const silenceMs = 40_000;
/** The server drops a consumer that nobody has asked for so long. */
const inactiveMs = 5 * 60_000;
const longestDelayMs = 5_000;

interface Consumer {
  readonly name: string;
  readonly subscription: Subscription;
  /** Messages that have come from it: the next one has one more. */
  delivered: number;
  /** Messages that the pull on its way may still bring; 0 when there is none. */
  pulling: number;
  heardAt: number;
  askedAt: number;
}

/**
 * What comes in a partition from a position on, in order and without gaps: an ordered consumer, which is made again from the
 * next position whenever a message is missing, the server has lost it or the connection was lost. It has memory on the server
 * only and acknowledges nothing. One pull at a time brings so much and then waits, so an idle reader costs a message now and then.
 */
export class Feed {
  private readonly connection: Connection;
  private readonly place: Partition;
  private readonly live: Set<Feed>;
  private consumer: Consumer | null = null;
  private buffer: Sized[] = [];
  private bytes = 0;
  /** What is between these two is in the buffer: whatever the stream holds there. */
  private covered: Position;
  private next: Position;
  private starting = false;
  /** Attempts to have a consumer since one has worked. */
  private failures = 0;
  private readonly waiting = new Set<() => void>();

  /** `live` are the feeds that hold something of the server's or wait, for whoever looks after them. */
  constructor(connection: Connection, place: Partition, from: Position, live: Set<Feed>) {
    this.connection = connection;
    this.place = place;
    this.covered = from;
    this.next = from;
    this.live = live;
  }

  /** Records from the position on that are here, within the limits; what is below is forgotten. */
  take(from: Position, limits: ReadLimits): StoredRecord[] {
    if (this.consumer !== null) this.consumer.askedAt = this.now();
    if (from < this.covered || from > this.next) this.restart(from);
    this.forgetBelow(from);
    const count = fitting(
      this.buffer.slice(0, limits.maxRecords).map(({ bytes }) => bytes),
      limits.maxBytes,
    );
    const taken = this.drop(count).map(({ record }) => record);
    this.covered = (taken.at(-1)?.position ?? from - 1) + 1;
    this.pullSome();
    return taken;
  }

  /** Resolves when something has come, at `wake` or when the signal aborts. */
  arrival(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (this.buffer.length > 0 || signal.aborted) return resolve();
      const finish = () => {
        this.waiting.delete(finish);
        this.forgetIfIdle();
        forget();
        resolve();
      };
      const forget = onAbort(signal, finish);
      this.waiting.add(finish);
      this.live.add(this);
      if (this.consumer === null) void this.start();
    });
  }

  wake(): void {
    for (const resume of [...this.waiting]) resume();
  }

  /** Gives the consumer back; a reader that waits makes another one. */
  release(): void {
    const { consumer } = this;
    if (consumer === null) return;
    this.let(consumer);
    if (this.connection.isConnected) this.connection.nc.publish(this.api('CONSUMER.DELETE', consumer));
    if (this.waiting.size > 0) void this.start();
  }

  /** The connection is lost: what was on its way does not come. */
  lost(): void {
    if (this.consumer !== null) this.let(this.consumer);
    if (this.waiting.size > 0) void this.start();
  }

  /** Looks whether the server is still there, and whether anybody reads. */
  look(): void {
    const { consumer } = this;
    if (consumer === null) return;
    const quiet = this.now() - consumer.heardAt;
    const idle = this.waiting.size === 0 && this.now() - consumer.askedAt > silenceMs;
    if (idle || (consumer.pulling > 0 && quiet > silenceMs)) this.release();
  }

  private now(): number {
    return this.connection.kernel.clock.now();
  }

  private forgetBelow(from: Position): void {
    let count = 0;
    for (const { record } of this.buffer) {
      if (record.position >= from) break;
      count += 1;
    }
    this.drop(count);
  }

  private drop(count: number): Sized[] {
    const dropped = this.buffer.splice(0, count);
    for (const { bytes } of dropped) this.bytes -= bytes;
    return dropped;
  }

  private restart(from: Position): void {
    this.buffer = [];
    this.bytes = 0;
    this.covered = from;
    this.next = from;
    this.release();
  }

  private let(consumer: Consumer): void {
    consumer.subscription.unsubscribe();
    if (this.consumer === consumer) this.consumer = null;
    this.forgetIfIdle();
  }

  private forgetIfIdle(): void {
    if (this.consumer === null && this.waiting.size === 0) this.live.delete(this);
  }

  private async start(): Promise<void> {
    if (this.starting) return;
    this.starting = true;
    const { kernel } = this.connection;
    while (this.consumer === null && this.waiting.size > 0 && !this.connection.isClosed) {
      await this.connection.available();
      if (this.failures > 0) {
        const most = Math.min(longestDelayMs, 25 * 2 ** this.failures);
        await kernel.clock.sleep(most * (0.5 + kernel.chance.next() / 2));
      }
      try {
        await this.make();
      } catch (thrown) {
        this.failures += 1;
        const error = RelearnError.from(thrown);
        // What is away is told by the connection.
        if (!error.retryable) this.connection.trouble.report('JetStream', error);
      }
    }
    this.starting = false;
  }

  private async make(): Promise<void> {
    const from = this.next;
    const { stream } = this.place;
    const config = {
      ack_policy: AckPolicy.None,
      replay_policy: ReplayPolicy.Instant,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: Math.max(0, from) + 1,
      inactive_threshold: nanos(inactiveMs),
      mem_storage: true,
      num_replicas: 1,
    };
    const { name } = await this.connection.ask(`a consumer of ${stream}`, (jsm) => jsm.consumers.add(stream, config));
    if (this.connection.isClosed) return;
    const inbox = createInbox();
    const at = this.now();
    const subscription = this.connection.nc.subscribe(inbox, {
      callback: (_, message) => {
        if (this.consumer !== consumer) return;
        consumer.heardAt = this.now();
        if (message.subject === inbox) this.hear(consumer, message);
        else this.receive(consumer, message);
      },
    });
    const consumer: Consumer = { name, subscription, delivered: 0, pulling: 0, heardAt: at, askedAt: at };
    this.consumer = consumer;
    this.live.add(this);
    // Somebody has sought another place meanwhile.
    if (this.next !== from) this.release();
    else this.pullSome();
  }

  /** Asks for more when there is room and nothing is on its way. */
  private pullSome(): void {
    const { consumer } = this;
    if (consumer === null || consumer.pulling > 0 || !this.connection.isConnected) return;
    if (this.bytes > pullBytes / 2 || this.buffer.length > pullRecords / 2) return;
    consumer.pulling = pullRecords;
    consumer.heardAt = this.now();
    const request = {
      batch: pullRecords,
      max_bytes: pullBytes,
      expires: nanos(pullMs),
      idle_heartbeat: nanos(heartbeatMs),
    };
    this.connection.nc.publish(this.api('CONSUMER.MSG.NEXT', consumer), JSON.stringify(request), {
      reply: consumer.subscription.getSubject(),
    });
  }

  private api(operation: string, { name }: Consumer): string {
    return `$JS.API.${operation}.${this.place.stream}.${name}`;
  }

  private receive(consumer: Consumer, message: Msg): void {
    const delivery = deliveryOf(message.reply ?? '');
    if (delivery === null) return;
    if (delivery.consumerSequence !== consumer.delivered + 1) return this.release();
    this.failures = 0;
    consumer.delivered += 1;
    consumer.pulling -= 1;
    const sized = stored(this.place, delivery, message);
    if (sized.record.position >= this.next) {
      this.buffer.push(sized);
      this.bytes += sized.bytes;
      this.next = sized.record.position + 1;
    }
    this.pullSome();
    this.wake();
  }

  /** What the server says about the pull, rather than a record. */
  private hear(consumer: Consumer, { headers }: Msg): void {
    const code = headers?.code ?? 0;
    if (code === 100) {
      const last = Number(headers?.get('Nats-Last-Consumer') || consumer.delivered);
      // It has sent more than has come.
      if (last > consumer.delivered) this.release();
      return;
    }
    const ended =
      code === 408 || code === 404 || (code === 409 && /maxbytes|batch completed/i.test(headers?.description ?? ''));
    // Deleted, restarted, moved to another server, or not there.
    if (!ended) {
      this.failures += 1;
      return this.release();
    }
    this.failures = 0;
    consumer.pulling = 0;
    // Nobody has read for a whole pull: the next reader makes another consumer.
    if (this.waiting.size === 0 && this.now() - consumer.askedAt > silenceMs) this.release();
    else this.pullSome();
  }
}

/** Where and when a message was stored, from its acknowledgement subject; null when it has none. */
function deliveryOf(reply: string) {
  const tokens = reply.split('.');
  if (tokens[0] !== '$JS' || tokens[1] !== 'ACK' || tokens.length < 9) return null;
  // Newer servers name domain and account in front: $JS.ACK.DOMAIN.ACCOUNT.STREAM.CONSUMER.DELIVERED.SEQ.SEQ.TIME.PENDING
  const at = tokens.length >= 11 ? 7 : 5;
  const nanoseconds = tokens[at + 2] ?? '';
  return {
    sequence: Number(tokens[at]),
    consumerSequence: Number(tokens[at + 1]),
    appendedAt: Number(nanoseconds.slice(0, -6)),
  };
}
