import { type BagEntry, type Clock, type LargeBuffers, type MachineMs, RelearnError } from '@relearn/kernel';
import type { CallContext } from '../../port.js';
import { type WireStatus, wireStatusOf } from '../wire-status.js';
import type { Deadlines, Expiring } from './deadlines.js';
import {
  acceptedEncodings,
  type Framed,
  framed,
  MessageReader,
  mostCopied,
  prefixBytes,
  prefixOf,
  unpacked,
} from './messages.js';
import type { FieldList, Http2Stream, RequestHead, Responder } from './protocol/index.js';
import { timeoutOf } from './timeout.js';

const contentType = 'application/grpc';
const opening: FieldList = {
  fields: [
    { name: ':status', value: '200' },
    { name: 'content-type', value: contentType },
    { name: 'grpc-accept-encoding', value: acceptedEncodings },
  ],
  repeated: true,
};
const ok: FieldList = { fields: [{ name: 'grpc-status', value: '0' }], repeated: true };

/** What the calls of a server have in common. */
export interface CallGround {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** Bytes of a message that a caller may send. */
  readonly mostBytes: number;
  /** Where large messages are. */
  readonly buffers: LargeBuffers;
}

/** Who waits for the only message of a request. */
export interface MessageListener {
  message(bytes: Buffer): void;
  /** Something is wrong with it; said once. */
  refused(thrown: unknown): void;
}

/** One call on its stream of HTTP/2: what its handler knows of it, its messages, and its end. */
export class Http2Call implements CallContext, Expiring, Responder {
  readonly deadline: MachineMs;
  /** INVALID_INPUT where the caller's timeout is none. */
  broken: RelearnError | undefined;
  private readonly stream: Http2Stream;
  private readonly ground: CallGround;
  private readonly reader: MessageReader;
  /** Where its deadline is waited for. */
  private expiry: BagEntry<Expiring> | undefined;
  private listener: MessageListener | undefined;
  private controller: AbortController | undefined;
  private texts: Readonly<Record<string, string>> | undefined;
  /** Goes on with what waits for the caller: for messages of it, or for room for ours. */
  private wakeReader: (() => void) | undefined;
  private wakeWriter: (() => void) | undefined;
  /** Bytes that came and may not be followed by as many yet. */
  private uncredited = 0;
  /** The status is on its way: whatever comes now, nobody is told. */
  private over = false;
  /** The status was not the handler's: it is to stop. */
  private stopped = false;

  constructor(stream: Http2Stream, ground: CallGround) {
    this.stream = stream;
    this.ground = ground;
    this.reader = new MessageReader(ground.mostBytes, ground.buffers);
    stream.responder = this;
    this.deadline = this.deadlineOf(stream.request.fields.get('grpc-timeout'));
    if (this.deadline < Number.POSITIVE_INFINITY) this.expiry = ground.deadlines.add(this);
  }

  get gone(): boolean {
    return this.over || this.stream.closed;
  }

  get cancelled(): boolean {
    return this.stopped || (!this.over && this.stream.closed);
  }

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.cancelled) this.controller.abort();
    }
    return this.controller.signal;
  }

  get metadata(): Readonly<Record<string, string>> {
    this.texts ??= textsOf(this.stream.request);
    return this.texts;
  }

  /** The listener hears of the only message of the request, once the caller has sent all of it. */
  listen(listener: MessageListener): void {
    this.listener = listener;
  }

  /** The messages of the request, read as they are asked for; they end when the caller has no more or gives up. */
  async *messages(): AsyncGenerator<Buffer> {
    for (;;) {
      const message = this.reader.next();
      if (message !== undefined) {
        this.stream.release(prefixBytes + message.bytes.length);
        yield message.compressed ? await this.unpacked(message.bytes) : message.bytes;
        continue;
      }
      if (this.gone) return;
      if (this.stream.remoteEnded) break;
      this.stream.credit(this.uncredited);
      this.uncredited = 0;
      await new Promise<void>((resolve) => {
        this.wakeReader = resolve;
      });
    }
    if (!this.reader.empty) throw cutOff();
  }

  /** Sends one message of several; resolves when there is room for the next. */
  async write(message: Uint8Array): Promise<void> {
    if (this.gone) return;
    this.open();
    if (this.post(message)) return;
    await new Promise<void>((resolve) => {
      this.wakeWriter = resolve;
    });
  }

  /** Sends the last message, if there is one, and the status. */
  end(message?: Uint8Array): void {
    if (this.gone) return;
    this.finish();
    this.open();
    if (message !== undefined) this.post(message);
    this.stream.end(ok);
  }

  fail(status: WireStatus): void {
    if (this.gone) return;
    this.finish();
    const fields = trailersOf(status);
    if (this.stream.headSent) this.stream.end({ fields, repeated: false });
    else this.stream.respondOnly({ fields: [...opening.fields, ...fields], repeated: false });
  }

  expire(): void {
    this.stop(new RelearnError('DEADLINE_EXCEEDED', 'Deadline exceeded'));
  }

  /** A handler works for the call until `settled`. */
  working(): void {
    this.stream.begin();
  }

  settled(): void {
    this.stream.settle();
  }

  data(bytes: Buffer): void {
    if (this.over) return;
    try {
      this.reader.push(bytes);
    } catch (thrown) {
      return this.refuse(thrown);
    }
    if (this.listener !== undefined) return this.stream.credit(bytes.length);
    this.uncredited += bytes.length;
    this.wakeReader?.();
  }

  whole(): void {
    this.wakeReader?.();
    const { listener } = this;
    if (listener === undefined) return;
    // Its bytes count until the call is over: the handler has them.
    try {
      const { compressed, bytes } = this.only();
      if (!compressed) return listener.message(bytes);
      void this.pass(bytes, listener);
    } catch (thrown) {
      this.refuse(thrown);
    }
  }

  full(): void {
    this.refuse(tooMuchHeld());
  }

  drained(): void {
    this.wakeWriter?.();
    this.wakeWriter = undefined;
  }

  aborted(): void {
    this.expireNoMore();
    this.wakeReader?.();
    this.drained();
    if (!this.over) this.controller?.abort();
  }

  private deadlineOf(timeout: string | undefined): MachineMs {
    if (timeout === undefined) return Number.POSITIVE_INFINITY;
    try {
      return this.ground.clock.now() + timeoutOf(timeout);
    } catch (thrown) {
      this.broken = RelearnError.from(thrown);
      return Number.POSITIVE_INFINITY;
    }
  }

  private refuse(thrown: unknown): void {
    const { listener } = this;
    if (listener === undefined) return this.stop(thrown);
    this.listener = undefined;
    listener.refused(thrown);
  }

  /** Ends the call before its handler does. */
  private stop(thrown: unknown): void {
    if (this.over) return;
    this.stopped = true;
    this.controller?.abort();
    this.fail(wireStatusOf(thrown));
  }

  /** Unpacks the message for the listener: work that counts, whether or not the caller stays for it. */
  private async pass(bytes: Buffer, listener: MessageListener): Promise<void> {
    this.working();
    try {
      const message = await this.unpacked(bytes);
      if (!this.gone && this.stream.keep(message.length)) throw tooMuchHeld();
      if (!this.gone) return listener.message(message);
    } catch (thrown) {
      this.refuse(thrown);
    }
    this.settled();
  }

  private only(): Framed {
    const message = this.reader.next();
    if (message === undefined && this.reader.empty) {
      throw new RelearnError('UNIMPLEMENTED', 'the call has no request message');
    }
    if (message === undefined) throw cutOff();
    if (!this.reader.empty) throw new RelearnError('UNIMPLEMENTED', 'the call has more than one request message');
    return message;
  }

  /** True where there is room for more. */
  private post(message: Uint8Array): boolean {
    if (message.byteLength <= mostCopied) return this.stream.send(framed(message));
    this.stream.send(prefixOf(message));
    return this.stream.send(message);
  }

  private open(): void {
    if (!this.stream.headSent) this.stream.respond(opening);
  }

  private finish(): void {
    this.over = true;
    this.expireNoMore();
    this.wakeReader?.();
    this.drained();
  }

  private expireNoMore(): void {
    if (this.expiry !== undefined) this.ground.deadlines.delete(this.expiry);
  }

  private unpacked(bytes: Buffer): Promise<Buffer> {
    const encoding = this.stream.request.fields.get('grpc-encoding') ?? 'identity';
    return unpacked(bytes, { encoding, mostBytes: this.ground.mostBytes });
  }
}

/** Is this a call of gRPC at all? */
export function isGrpc({ method, fields }: RequestHead): boolean {
  const type = fields.get('content-type');
  return method === 'POST' && type !== undefined && (type === contentType || /^application\/grpc[+;]/.test(type));
}

/** Percent-encoded: a header may hold neither a line's end nor a space at its own. */
function trailersOf({ code, details, trailers }: WireStatus): FieldList['fields'] {
  const all = { 'grpc-status': String(code), 'grpc-message': encodeURI(details), ...trailers };
  return Object.entries(all).map(([name, value]) => ({ name, value }));
}

function tooMuchHeld(): RelearnError {
  return new RelearnError('RESOURCE_EXHAUSTED', 'too many bytes of requests or answers wait on one connection', {
    remedy: 'Read answers as they come and send fewer large requests at a time, or open more connections.',
  });
}

function cutOff(): RelearnError {
  return new RelearnError('INVALID_INPUT', 'the request ends inside a message');
}

function textsOf({ fields }: RequestHead): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const [name, value] of fields) if (!name.endsWith('-bin')) texts[name] = value;
  return texts;
}
