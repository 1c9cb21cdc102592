import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { type Clock, type MachineMs, RelearnError } from '@relearn/kernel';
import type { CallContext } from '../../port.js';
import { type WireStatus, wireStatusOf } from '../wire-status.js';
import type { Deadlines, Expiring } from './deadlines.js';
import { acceptedEncodings, framed, MessageReader, unpacked } from './messages.js';
import { timeoutOf } from './timeout.js';

const contentType = 'application/grpc';
const responseHeaders = { ':status': 200, 'content-type': contentType, 'grpc-accept-encoding': acceptedEncodings };
const withTrailers = { waitForTrailers: true };
const ok = { 'grpc-status': '0' };

/** What the calls of a server have in common. */
export interface CallGround {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** Bytes of a message that a caller may send. */
  readonly mostBytes: number;
}

/** One call on its stream of HTTP/2: what its handler knows of it, its messages, and its end. */
export class Http2Call implements CallContext, Expiring {
  readonly deadline: MachineMs;
  private readonly stream: ServerHttp2Stream;
  private readonly headers: IncomingHttpHeaders;
  private readonly ground: CallGround;
  private controller: AbortController | undefined;
  private texts: Readonly<Record<string, string>> | undefined;
  private trailers: Readonly<Record<string, string>> = ok;
  /** The status is on its way: whatever comes now, nobody is told. */
  private over = false;
  private expired = false;

  /** Throws INVALID_INPUT for a timeout that is none. */
  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, ground: CallGround) {
    this.stream = stream;
    this.headers = headers;
    this.ground = ground;
    this.deadline = ground.clock.now() + timeoutOf(headers['grpc-timeout'] as string | undefined);
    if (this.deadline < Number.POSITIVE_INFINITY) ground.deadlines.add(this);
  }

  get gone(): boolean {
    return this.over || this.stream.destroyed;
  }

  get cancelled(): boolean {
    return !this.over && (this.expired || this.stream.aborted || this.stream.destroyed);
  }

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      const controller = new AbortController();
      this.controller = controller;
      if (this.cancelled) controller.abort();
      else {
        this.stream.once('close', () => {
          if (this.cancelled) controller.abort();
        });
      }
    }
    return this.controller.signal;
  }

  get metadata(): Readonly<Record<string, string>> {
    this.texts ??= textsOf(this.headers);
    return this.texts;
  }

  /** Hears of the only message of the request, once the caller has sent all of it, or of what is wrong with it. */
  whole(heard: (bytes: Buffer) => void, refused: (thrown: unknown) => void): void {
    const reader = new MessageReader(this.ground.mostBytes);
    let broken = false;
    const refuse = (thrown: unknown) => {
      if (!broken) refused(thrown);
      broken = true;
    };
    this.stream.on('data', (chunk: Buffer) => {
      if (broken) return;
      reader.push(chunk);
      // A length above the limit is refused before the rest has come.
      try {
        reader.check();
      } catch (thrown) {
        refuse(thrown);
      }
    });
    this.stream.on('end', () => {
      // A call that was cancelled meanwhile is not run.
      if (broken || this.cancelled) return;
      try {
        const { compressed, bytes } = onlyOf(reader);
        if (!compressed) return heard(bytes);
        this.unpacked(bytes).then(heard, refuse);
      } catch (thrown) {
        refuse(thrown);
      }
    });
  }

  /** The messages of the request, read as they are asked for; they end when the caller has no more or gives up. */
  async *messages(): AsyncGenerator<Buffer> {
    const reader = new MessageReader(this.ground.mostBytes);
    try {
      // The stream stays open behind them: it carries the answers, too.
      for await (const chunk of this.stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        reader.push(chunk);
        for (let message = reader.next(); message !== undefined; message = reader.next()) {
          yield message.compressed ? await this.unpacked(message.bytes) : message.bytes;
        }
      }
    } catch (thrown) {
      if (thrown instanceof RelearnError || !this.stream.destroyed) throw thrown;
      return;
    }
    if (!reader.empty) throw cutOff();
  }

  /** Sends one message of several; resolves when there is room for the next. */
  async write(message: Uint8Array): Promise<void> {
    if (this.unheard) return;
    this.open();
    if (this.stream.write(framed(message))) return;
    await new Promise<void>((resolve) => {
      const go = () => {
        this.stream.removeListener('drain', go);
        this.stream.removeListener('close', go);
        resolve();
      };
      this.stream.once('drain', go);
      this.stream.once('close', go);
    });
  }

  /** Sends the last message, if there is one, and the status. */
  end(message?: Uint8Array): void {
    if (this.unheard) return;
    this.finish();
    this.open();
    if (message === undefined) this.stream.end();
    else this.stream.end(framed(message));
  }

  fail(status: WireStatus): void {
    if (this.unheard) return;
    this.finish();
    // Percent-encoded: a header may hold neither a line's end nor a space at its own.
    const trailers = {
      'grpc-status': String(status.code),
      'grpc-message': encodeURI(status.details),
      ...status.trailers,
    };
    if (this.stream.headersSent) {
      this.trailers = trailers;
      this.stream.end();
    } else {
      this.stream.respond({ ...responseHeaders, ...trailers }, { endStream: true });
      this.stream.once('finish', () => this.hearNoMore());
    }
  }

  expire(): void {
    if (this.over) return;
    this.expired = true;
    this.controller?.abort();
    this.fail(wireStatusOf(new RelearnError('DEADLINE_EXCEEDED', 'Deadline exceeded')));
  }

  private get unheard(): boolean {
    return this.over || this.stream.destroyed || this.stream.closed;
  }

  private open(): void {
    if (this.stream.headersSent) return;
    this.stream.respond(responseHeaders, withTrailers);
    this.stream.on('wantTrailers', () => {
      this.stream.sendTrailers(this.trailers);
      this.hearNoMore();
    });
  }

  /** What the caller has still to send is of no use. Closed at once, the stream would lose its trailers. */
  private hearNoMore(): void {
    if (!this.stream.readableEnded) void this.ground.clock.breathe().then(() => this.stream.close());
  }

  private finish(): void {
    this.over = true;
    this.ground.deadlines.delete(this);
  }

  private unpacked(bytes: Buffer): Promise<Buffer> {
    const encoding = this.headers['grpc-encoding'];
    return unpacked(bytes, {
      encoding: typeof encoding === 'string' ? encoding : 'identity',
      mostBytes: this.ground.mostBytes,
    });
  }
}

/** Is this a call of gRPC at all? */
export function isGrpc({ ':method': method, 'content-type': type }: IncomingHttpHeaders): boolean {
  return method === 'POST' && type !== undefined && (type === contentType || /^application\/grpc[+;]/.test(type));
}

function onlyOf(reader: MessageReader): { compressed: boolean; bytes: Buffer } {
  const message = reader.next();
  if (message === undefined && reader.empty) {
    throw new RelearnError('UNIMPLEMENTED', 'the call has no request message');
  }
  if (message === undefined) throw cutOff();
  if (!reader.empty) throw new RelearnError('UNIMPLEMENTED', 'the call has more than one request message');
  return message;
}

function cutOff(): RelearnError {
  return new RelearnError('INVALID_INPUT', 'the request ends inside a message');
}

function textsOf(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === 'string' && !name.startsWith(':') && !name.endsWith('-bin')) texts[name] = value;
  }
  return texts;
}
