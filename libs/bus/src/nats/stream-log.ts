import { createInbox, type Msg, NatsError } from 'nats';
import { RelearnError } from '@relearn/kernel';
import { fitting } from '../core/batch.js';
import type { PartitionBounds, Position, ReadLimits, StoredRecord } from '../port.js';
import { decodedBytes, decodeRecord } from './codec.js';
import type { Connection } from './connection.js';
import { unavailable } from './errors.js';
import type { Partition } from './topics.js';

/** A position is the stream's sequence less one: they begin at 0 and have no gaps. */
export function positionOf(sequence: number): Position {
  return sequence - 1;
}

export interface Sized {
  readonly record: StoredRecord;
  readonly bytes: number;
}

interface DirectRequest {
  readonly seq?: number;
  readonly start_time?: string;
  readonly batch: number;
  readonly max_bytes?: number;
}

const mostAtOnce = 1_000;
const answerMs = 10_000;
const behindMs = 20;

/** Reads and questions about a partition's stream that need no consumer. */
export class StreamLog {
  private readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  async read(place: Partition, from: Position, limits: ReadLimits): Promise<StoredRecord[]> {
    const { maxRecords, maxBytes } = limits;
    const batch = Math.min(maxRecords, mostAtOnce);
    const request = { seq: Math.max(0, from) + 1, batch, max_bytes: Math.min(maxBytes, 2 ** 31 - 1) };
    const found = await this.direct(place, request);
    const count = fitting(
      found.map(({ bytes }) => bytes),
      maxBytes,
    );
    if (found.length === 0) {
      const { first, end } = await this.bounds(place);
      if (end <= Math.max(from, first)) return [];
      // A copy of the stream has answered that is behind.
      await this.connection.kernel.clock.sleep(behindMs);
      return this.read(place, from, limits);
    }
    return found.slice(0, count).map(({ record }) => record);
  }

  async bounds({ stream }: Partition): Promise<PartitionBounds> {
    const { state } = await this.connection.ask(`the state of ${stream}`, (jsm) => jsm.streams.info(stream));
    const first = Math.max(1, state.first_seq);
    return { first: positionOf(first), end: Math.max(positionOf(first), state.last_seq) };
  }

  async positionAt(place: Partition, wallMs: number): Promise<Position> {
    // Beyond what a date can say there is nothing.
    const time = new Date(Math.min(Math.max(0, Math.ceil(wallMs)), 8.64e15)).toISOString();
    if (/^[+-]/.test(time)) return (await this.bounds(place)).end;
    for (;;) {
      const { end } = await this.bounds(place);
      const [found] = await this.direct(place, { start_time: time, batch: 1 });
      if (found !== undefined) return found.record.position;
      if (end === 0 || (await this.lastTime(place, end)) < wallMs) return end;
      await this.connection.kernel.clock.sleep(behindMs);
    }
  }

  /** When the last record was appended as the stream's leader knows it; minus infinity when it is gone. */
  private lastTime({ stream }: Partition, end: Position): Promise<number> {
    return this.connection.ask(`the last record of ${stream}`, async (jsm) => {
      try {
        return (await jsm.streams.getMessage(stream, { seq: end })).time.getTime();
      } catch (thrown) {
        if (thrown instanceof NatsError && thrown.jsError()?.code === 404) return Number.NEGATIVE_INFINITY;
        throw thrown;
      }
    });
  }

  /** Records in one answer of many messages, up to the one that says that it was the last. */
  private direct(place: Partition, request: DirectRequest): Promise<Sized[]> {
    const { nc, kernel } = this.connection;
    return this.connection.whileConnected(`reading ${place.stream}`, async () => {
      const inbox = createInbox();
      const records: Sized[] = [];
      const ended = new Promise<void>((resolve, reject) => {
        const timer = kernel.clock.after(answerMs, () => {
          subscription.unsubscribe();
          reject(unavailable(`${place.stream} does not answer`));
        });
        const subscription = nc.subscribe(inbox, {
          callback: (_, message) => {
            const code = message.headers?.code ?? 0;
            if (code === 0) return void records.push(recordOf(place, message));
            timer.cancel();
            subscription.unsubscribe();
            // 204: that was all; 404: nothing at all.
            if (code === 204 || code === 404) resolve();
            else reject(refusal(place, message));
          },
        });
      });
      nc.publish(`$JS.API.DIRECT.GET.${place.stream}`, JSON.stringify(request), { reply: inbox });
      await ended;
      return records;
    });
  }
}

function refusal({ stream }: Partition, { headers }: Msg): RelearnError {
  if (headers?.code === 503) return unavailable(`${stream} has no leader, or is not there`);
  return new RelearnError('REFUSED', `reading ${stream}: ${headers?.code} ${headers?.description}`);
}

function recordOf(place: Partition, message: Msg): Sized {
  const sequence = Number(message.headers?.get('Nats-Sequence'));
  const appendedAt = Date.parse(message.headers?.get('Nats-Time-Stamp') ?? '');
  return stored(place, { sequence, appendedAt }, message);
}

/** A message of a stream as a record. */
export function stored(
  { topic, partition }: Partition,
  { sequence, appendedAt }: { readonly sequence: number; readonly appendedAt: number },
  message: Msg,
): Sized {
  const decoded = decodeRecord(message.headers, message.data);
  return {
    record: { topic, partition, position: positionOf(sequence), appendedAt, ...decoded },
    bytes: decodedBytes(decoded),
  };
}
