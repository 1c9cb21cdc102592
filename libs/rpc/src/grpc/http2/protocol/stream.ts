import { faults, Http2Fault } from './faults.js';
import type { FieldList } from './hpack/encoder.js';
import type { RequestHead } from './request-head.js';

/** Who answers a request, and hears of its stream. */
export interface Responder {
  data(bytes: Buffer): void;
  /** The body is whole. */
  whole(): void;
  /** The connection holds more than it may until this body is taken, or answers are read. */
  full(): void;
  /** There is room again for what waited. */
  drained(): void;
  /** The stream is no more, and its answer was not complete. */
  aborted(): void;
}

/** What a stream asks of its connection. */
export interface StreamGround {
  /** How far the other side may send ahead on a stream, in bytes. */
  readonly streamWindow: number;
  head(stream: Http2Stream, list: FieldList, last: boolean): void;
  pump(stream: Http2Stream): void;
  credit(stream: Http2Stream, bytes: number): void;
  /** So many more, or fewer, bytes of bodies wait here. True where they are too many. */
  hold(bytes: number): boolean;
  /** Nobody works any more for a stream that was over. */
  settled(): void;
}

/** One request and its answer (RFC 9113, section 5). */
export class Http2Stream {
  readonly id: number;
  readonly request: RequestHead;
  responder: Responder | undefined;
  /** Bytes that we may still send. */
  sendWindow: number;
  /** Parts of the answer that wait for room, the oldest first, and what comes behind them. */
  readonly waiting: Uint8Array[] = [];
  /** Those of them that its connection counts. */
  waitingBytes = 0;
  trailers: FieldList | undefined;
  /** Neither side says any more on it. */
  closed = false;
  /** The request is whole. */
  remoteEnded = false;
  /** All of the answer is on its way. */
  localEnded = false;
  headSent = false;
  working = false;
  private readonly ground: StreamGround;
  private receiveWindow: number;
  private uncredited = 0;
  private received = 0;
  private held = 0;

  constructor(id: number, request: RequestHead, sendWindow: number, ground: StreamGround) {
    this.id = id;
    this.request = request;
    this.sendWindow = sendWindow;
    this.ground = ground;
    this.receiveWindow = ground.streamWindow;
  }

  respond(list: FieldList): void {
    this.headSent = true;
    this.ground.head(this, list, false);
  }

  /** An answer of fields alone. */
  respondOnly(list: FieldList): void {
    this.headSent = true;
    this.ground.head(this, list, true);
  }

  /** True where there is room for more. */
  send(bytes: Uint8Array): boolean {
    this.waiting.push(bytes);
    this.ground.pump(this);
    return this.waiting.length === 0;
  }

  end(trailers: FieldList): void {
    this.trailers = trailers;
    this.ground.pump(this);
  }

  /** Somebody works at the answer: such work counts even when the stream is over. */
  begin(): void {
    this.working = !this.closed;
  }

  /** Nobody works at the answer any more. */
  settle(): void {
    if (!this.working) return;
    this.working = false;
    if (this.closed) this.ground.settled();
  }

  /** `frameBytes` count against the window, padding among them. Throws faults of this stream. */
  take(bytes: Buffer, frameBytes: number): void {
    if (this.remoteEnded) throw new Http2Fault(faults.streamClosed, 'DATA behind the end of a request', this.id);
    this.receiveWindow -= frameBytes;
    if (this.receiveWindow < 0) throw new Http2Fault(faults.flowControl, 'more DATA than the stream allows', this.id);
    this.received += bytes.length;
    if (this.received > (this.request.contentLength ?? Number.POSITIVE_INFINITY)) throw this.otherLength();
    if (frameBytes > bytes.length) this.credit(frameBytes - bytes.length);
    if (bytes.length === 0) return;
    const full = this.keep(bytes.length);
    this.responder?.data(bytes);
    if (full) this.responder?.full();
  }

  takeEnd(): void {
    if (this.received !== (this.request.contentLength ?? this.received)) throw this.otherLength();
    this.remoteEnded = true;
    this.responder?.whole();
  }

  /** So many bytes of the body wait here, or more than came since they were unpacked. True where the connection has too many. */
  keep(bytes: number): boolean {
    this.held += bytes;
    return this.ground.hold(bytes);
  }

  /** The other side may send so many bytes more. */
  credit(bytes: number): void {
    this.uncredited += bytes;
    if (this.remoteEnded || this.closed || this.uncredited < this.ground.streamWindow / 2) return;
    this.receiveWindow += this.uncredited;
    this.ground.credit(this, this.uncredited);
    this.uncredited = 0;
  }

  /** So many bytes of the body wait here no more; all without a number. None are counted once the stream is over. */
  release(bytes = this.held): void {
    const released = Math.min(bytes, this.held);
    this.held -= released;
    this.ground.hold(-released);
  }

  private otherLength(): Http2Fault {
    return new Http2Fault(faults.protocol, 'content-length is not that of the body', this.id);
  }
}
