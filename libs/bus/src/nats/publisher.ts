import { RelearnError } from '@relearn/kernel';
import type { Position } from '../port.js';
import { Acks, type Answer } from './acks.js';
import type { Encoded } from './codec.js';
import type { Connection } from './connection.js';
import { apiError, unavailable, wrongLastId } from './errors.js';

const chainRecords = 500;
const chainBytes = 4 * 1024 * 1024;
/** Bytes that wait for their acknowledgement; above it a call is RESOURCE_EXHAUSTED. */
const mostBytes = 128 * 1024 * 1024;

interface Call {
  readonly positions: Position[];
  left: number;
  resolve(positions: Position[]): void;
  reject(error: RelearnError): void;
}

interface Item {
  readonly message: Encoded;
  readonly call: Call;
  readonly index: number;
}

/** Publishes records, those of one partition in their order, also where some fail. */
export class Publisher {
  private readonly connection: Connection;
  private readonly acks: Acks;
  private readonly lanes = new Map<string, Lane>();
  private bytes = 0;

  constructor(connection: Connection, inbox: string) {
    this.connection = connection;
    this.acks = new Acks(connection, inbox);
  }

  /** The positions of the messages, each to a subject, once the server has them durably. */
  async publish(messages: readonly (readonly [subject: string, message: Encoded])[]): Promise<Position[]> {
    if (messages.length === 0) return [];
    this.connection.checkConnected();
    const bytes = messages.reduce((sum, [, { data }]) => sum + data.byteLength, 0);
    if (this.bytes > 0 && this.bytes + bytes > mostBytes) {
      throw new RelearnError('RESOURCE_EXHAUSTED', `${this.bytes} bytes wait for NATS to acknowledge them`);
    }
    this.bytes += bytes;
    try {
      return await new Promise<Position[]>((resolve, reject) => {
        const call = { positions: [], left: messages.length, resolve, reject };
        for (const [index, [subject, message]] of messages.entries()) this.lane(subject).add({ message, call, index });
      });
    } finally {
      this.bytes -= bytes;
    }
  }

  private lane(subject: string): Lane {
    const known = this.lanes.get(subject);
    if (known !== undefined) return known;
    const lane = new Lane(subject, this.acks, this.connection);
    this.lanes.set(subject, lane);
    return lane;
  }
}

/**
 * One partition's way out. What waits goes as a chain of messages, all on their way at once; the next chain follows when the
 * last one is acknowledged. When one fails, so does everything behind it.
 */
class Lane {
  private readonly subject: string;
  private readonly acks: Acks;
  private readonly connection: Connection;
  private waiting: Item[] = [];
  private running = false;

  constructor(subject: string, acks: Acks, connection: Connection) {
    this.subject = subject;
    this.acks = acks;
    this.connection = connection;
  }

  add(item: Item): void {
    this.waiting.push(item);
    if (this.running) return;
    this.running = true;
    queueMicrotask(() => void this.run());
  }

  private async run(): Promise<void> {
    while (this.waiting.length > 0) {
      let chain = this.nextChain();
      try {
        while (chain.length > 0) chain = chain.slice(await this.send(chain));
      } catch (thrown) {
        const error = RelearnError.from(thrown);
        for (const { call } of [...chain, ...this.waiting]) call.reject(error);
        this.waiting = [];
      }
    }
    this.running = false;
  }

  private nextChain(): Item[] {
    let bytes = 0;
    let count = 0;
    for (const { message } of this.waiting) {
      bytes += message.data.byteLength;
      if (count > 0 && (bytes > chainBytes || count === chainRecords)) break;
      count += 1;
    }
    return this.waiting.splice(0, count);
  }

  /** How many of the chain, from its first on, are in the log. Throws when it is broken for another reason than a rival. */
  private send(chain: readonly Item[]): Promise<number> {
    const what = `publishing to ${this.subject}`;
    return this.connection.whileConnected(what, async () => {
      const messages = chain.map(({ message }) => message);
      return settle(what, chain, await this.acks.send(this.subject, messages));
    });
  }
}

function settle(what: string, chain: readonly Item[], answers: readonly Answer[]): number {
  for (const [place, { call, index }] of chain.entries()) {
    const answer = answers[place];
    if (answer === undefined) throw unavailable(`${what}: no acknowledgement`);
    if ('failure' in answer) {
      // Somebody else's record came in between: the rest begins a new chain behind it.
      if (place > 0 && answer.failure.err_code === wrongLastId) return place;
      throw apiError(what, answer.failure);
    }
    call.positions[index] = answer.sequence - 1;
    call.left -= 1;
    if (call.left === 0) call.resolve(call.positions);
  }
  return chain.length;
}
