import type { Socket } from 'node:net';
import { NumberedTable } from '@relearn/kernel';
import { type FaultCode, faults, Http2Fault } from './faults.js';
import { type Frame, flags, frameTypes, numberAt, unpadded } from './frame.js';
import { FrameReader } from './frame-reader.js';
import { HeadReader } from './head-reader.js';
import type { FieldList } from './hpack/encoder.js';
import { Outbound } from './outbound.js';
import { Output } from './output.js';
import type { RequestHead } from './request-head.js';
import { type Allowance, firstWindow, settingsOf } from './settings.js';
import { Http2Stream, type StreamGround } from './stream.js';

const nothing = Buffer.alloc(0);
/** Bytes that may wait for a client that does not read, before nothing more is read of it. */
const mostBacklog = 4 << 20;
/** Streams of which late frames are expected, since we cut them off. */
const mostRemembered = 1_024;

export interface ConnectionOptions {
  readonly allowance: Allowance;
  /** Bytes of unfinished bodies that all streams together may hold, and of answers that may wait to be read. */
  readonly mostHeldBytes: number;
  /** Hears of each request, once its fields are there. */
  readonly onRequest: (stream: Http2Stream) => void;
}

/** The server's side of one connection of HTTP/2 (RFC 9113). Whoever owns the socket tells it what comes in. */
export class Http2Connection implements StreamGround {
  readonly streamWindow: number;
  private readonly socket: Socket;
  private readonly options: ConnectionOptions;
  private readonly output: Output;
  private readonly outbound: Outbound;
  private readonly heads: HeadReader;
  private readonly reader: FrameReader;
  private readonly streams = new NumberedTable<Http2Stream>();
  private readonly cutOff = new Set<number>();
  private readonly pings: (() => void)[] = [];
  private lastStream = 0;
  private receiveWindow: number;
  private held = 0;
  /** Streams that are over though somebody still works for them: their clients have left, or their deadlines passed. */
  private orphans = 0;
  private draining = false;
  /** The last stream that is answered, once the client is told of it. */
  private finalStream: number | undefined;

  constructor(socket: Socket, options: ConnectionOptions) {
    const { allowance } = options;
    this.socket = socket;
    this.options = options;
    this.streamWindow = allowance.streamWindow;
    this.receiveWindow = allowance.connectionWindow;
    this.output = new Output(socket);
    this.outbound = new Outbound(this.output, (stream) => this.answered(stream));
    this.heads = new HeadReader(allowance.headerBytes);
    this.reader = new FrameReader(allowance.frameBytes, (frame) => this.take(frame));
    this.output.frame(frameTypes.settings, 0, 0, settingsOf(allowance));
    this.widen(0, allowance.connectionWindow - firstWindow);
    socket.on('drain', () => this.drained());
    // How a connection ends is seen by its close; the error says no more.
    socket.on('error', () => undefined);
    socket.once('close', () => this.closed());
  }

  /** Takes what came in by the socket; the chunk is the caller's again afterwards. */
  read(chunk: Buffer): void {
    if (this.socket.writableEnded) return;
    try {
      this.reader.push(chunk);
    } catch (thrown) {
      if (!(thrown instanceof Http2Fault)) throw thrown;
      this.fail(thrown);
    }
    if (this.output.backlog > mostBacklog) this.socket.pause();
  }

  /** Asks whether the other side is still there; `heard` is called once it says so. */
  ping(heard: () => void): void {
    this.pings.push(heard);
    this.output.frame(frameTypes.ping, 0, 0, Buffer.alloc(8));
  }

  /** The client is told to go elsewhere; what it has asked so far is answered, then the connection ends. */
  close(): void {
    if (!this.reader.greeted) return this.destroy();
    if (this.draining) return;
    this.draining = true;
    this.goAway(2 ** 31 - 1, faults.none);
    // Requests that were on their way when the client heard of it are here once it answers.
    this.ping(() => {
      this.finalStream = this.lastStream;
      this.goAway(this.finalStream, faults.none);
      this.endWhenIdle();
    });
  }

  destroy(): void {
    this.socket.destroy();
  }

  head(stream: Http2Stream, list: FieldList, last: boolean): void {
    if (!stream.closed) this.outbound.head(stream, list, last);
  }

  pump(stream: Http2Stream): void {
    this.outbound.pump(stream);
  }

  credit({ id }: Http2Stream, bytes: number): void {
    this.widen(id, bytes);
  }

  hold(bytes: number): boolean {
    this.held += bytes;
    return Math.max(this.held, this.outbound.waitingBytes) > this.options.mostHeldBytes;
  }

  settled(): void {
    this.orphans--;
  }

  private drained(): void {
    this.outbound.pumpAll();
    if (this.output.backlog <= mostBacklog) this.socket.resume();
  }

  private take(frame: Frame): void {
    if (this.socket.destroyed || this.socket.writableEnded) return;
    try {
      this.dispatch(frame);
    } catch (thrown) {
      if (!(thrown instanceof Http2Fault) || thrown.streamId === 0) throw thrown;
      const stream = this.streams.get(thrown.streamId);
      this.resetId(thrown.streamId, thrown.code);
      if (stream !== undefined) this.forget(stream);
    }
  }

  private dispatch(frame: Frame): void {
    const { type } = frame;
    if (this.heads.open && type !== frameTypes.continuation) throw broken('a header block is interrupted');
    if (type === frameTypes.data) this.data(frame);
    else if (type === frameTypes.headers || type === frameTypes.continuation) this.headers(frame);
    else if (type === frameTypes.windowUpdate) this.windowUpdate(frame);
    else if (type === frameTypes.reset) this.resetByClient(frame);
    else if (type === frameTypes.settings) this.settings(frame);
    else if (type === frameTypes.ping) this.pinged(frame);
    else if (type === frameTypes.priority) checkPriority(frame);
    else if (type === frameTypes.pushPromise) throw broken('a client pushes nothing');
    else if (type === frameTypes.goAway && frame.streamId !== 0) throw broken('GOAWAY on a stream');
  }

  private data(frame: Frame): void {
    const { streamId, payload } = frame;
    if (streamId === 0) throw broken('DATA on no stream');
    this.receiveWindow -= payload.length;
    if (this.receiveWindow < 0) throw new Http2Fault(faults.flowControl, 'more DATA than the connection allows');
    const { connectionWindow } = this.options.allowance;
    if (this.receiveWindow < connectionWindow / 2) {
      this.widen(0, connectionWindow - this.receiveWindow);
      this.receiveWindow = connectionWindow;
    }
    const stream = this.known(streamId, true);
    if (stream === undefined) return;
    stream.take(unpadded(frame), payload.length);
    if ((frame.flags & flags.endStream) !== 0) this.ended(stream);
  }

  private headers(frame: Frame): void {
    const block = this.heads.take(frame);
    if (block === undefined) return;
    const { streamId, last } = block;
    const fresh = streamId > this.lastStream;
    if (!fresh) {
      const stream = this.known(streamId, false);
      this.heads.trailers(block);
      if (stream === undefined) return;
      if (stream.remoteEnded) throw new Http2Fault(faults.streamClosed, 'HEADERS behind the end of a request');
      if (!last) throw new Http2Fault(faults.protocol, 'trailers that end nothing', streamId);
      return this.ended(stream);
    }
    if (streamId % 2 === 0) throw broken('a client has no even streams');
    this.lastStream = streamId;
    const request = this.heads.request(block);
    const full = this.streams.size + this.orphans >= this.options.allowance.streams;
    if (this.finalStream !== undefined || full) throw new Http2Fault(faults.refusedStream, 'no more streams', streamId);
    this.open(streamId, request, last);
  }

  private open(streamId: number, request: RequestHead, last: boolean): void {
    const stream = new Http2Stream(streamId, request, this.outbound.peer.streamWindow, this);
    this.streams.add(stream);
    // Who answers at once is to know that there is no body.
    stream.remoteEnded = last;
    this.options.onRequest(stream);
    if (last) this.ended(stream);
  }

  /** The stream, or none where we cut it off. Throws where it never was, or is over: then of the stream alone, if that will do. */
  private known(streamId: number, ofStream: boolean): Http2Stream | undefined {
    const stream = this.streams.get(streamId);
    if (stream !== undefined || this.cutOff.has(streamId)) return stream;
    if (streamId > this.lastStream || streamId % 2 === 0) throw broken('a frame of a stream that never was');
    throw new Http2Fault(faults.streamClosed, 'a frame of a stream that is closed', ofStream ? streamId : 0);
  }

  private windowUpdate({ streamId, payload }: Frame): void {
    if (payload.length !== 4) throw new Http2Fault(faults.frameSize, 'WINDOW_UPDATE has four bytes');
    if (streamId > this.lastStream) throw broken('WINDOW_UPDATE of a stream that never was');
    const bytes = numberAt(payload, 0);
    if (bytes === 0) throw new Http2Fault(faults.protocol, 'WINDOW_UPDATE by nothing', streamId);
    if (streamId === 0) return this.outbound.widen(bytes);
    const stream = this.streams.get(streamId);
    if (stream !== undefined) this.outbound.widen(bytes, stream);
  }

  private resetByClient({ streamId, payload }: Frame): void {
    if (payload.length !== 4) throw new Http2Fault(faults.frameSize, 'RST_STREAM has four bytes');
    if (streamId === 0 || streamId > this.lastStream) throw broken('RST_STREAM of a stream that never was');
    const stream = this.streams.get(streamId);
    if (stream !== undefined) this.forget(stream);
  }

  private settings({ flags: set, streamId, payload }: Frame): void {
    if (streamId !== 0) throw broken('SETTINGS on a stream');
    if ((set & flags.ack) === 0) {
      this.outbound.settings(payload, this.streams.all);
      // The client counts by its new settings once they are acknowledged, and not before.
      this.output.frame(frameTypes.settings, flags.ack, 0, nothing);
      this.outbound.pumpAll();
    } else if (payload.length > 0) throw new Http2Fault(faults.frameSize, 'SETTINGS are acknowledged with more');
  }

  private pinged({ flags: set, streamId, payload }: Frame): void {
    if (streamId !== 0) throw broken('PING on a stream');
    if (payload.length !== 8) throw new Http2Fault(faults.frameSize, 'PING has eight bytes');
    if ((set & flags.ack) === 0) this.output.frame(frameTypes.ping, flags.ack, 0, payload);
    else this.pings.shift()?.();
  }

  private ended(stream: Http2Stream): void {
    if (stream.closed) return;
    stream.takeEnd();
    if (stream.localEnded) this.forget(stream);
  }

  /** The answer is on its way: what the client has still to send is of no use. */
  private answered(stream: Http2Stream): void {
    if (!stream.remoteEnded) this.resetId(stream.id, faults.none);
    this.forget(stream);
  }

  private resetId(streamId: number, code: FaultCode): void {
    this.send(frameTypes.reset, streamId, code);
    this.cutOff.add(streamId);
    if (this.cutOff.size > mostRemembered) {
      for (const oldest of this.cutOff) {
        this.cutOff.delete(oldest);
        break;
      }
    }
  }

  private forget(stream: Http2Stream): void {
    if (stream.closed) return;
    stream.closed = true;
    stream.release();
    this.streams.delete(stream.id);
    this.outbound.forget(stream);
    if (stream.working) this.orphans++;
    if (!stream.localEnded) stream.responder?.aborted();
    if (this.finalStream !== undefined) this.endWhenIdle();
  }

  private widen(streamId: number, bytes: number): void {
    this.send(frameTypes.windowUpdate, streamId, bytes);
  }

  /** A frame that is one number. */
  private send(type: number, streamId: number, value: number): void {
    const payload = Buffer.allocUnsafe(4);
    payload.writeUInt32BE(value);
    this.output.frame(type, 0, streamId, payload);
  }

  private goAway(lastStream: number, code: FaultCode, why = ''): void {
    const payload = Buffer.alloc(8 + Buffer.byteLength(why));
    payload.writeUInt32BE(lastStream, 0);
    payload.writeUInt32BE(code, 4);
    payload.write(why, 8);
    this.output.frame(frameTypes.goAway, 0, 0, payload);
  }

  private fail({ code, message }: Http2Fault): void {
    this.goAway(this.finalStream ?? this.lastStream, code, message);
    this.output.flush();
    this.socket.destroySoon();
    this.closed();
  }

  private endWhenIdle(): void {
    if (this.streams.size > 0) return;
    this.output.flush();
    this.socket.end();
  }

  private closed(): void {
    for (const stream of this.streams.all) this.forget(stream);
  }
}

function checkPriority({ streamId, payload }: Frame): void {
  if (streamId === 0) throw broken('PRIORITY on no stream');
  if (payload.length !== 5) throw new Http2Fault(faults.frameSize, 'PRIORITY has five bytes', streamId);
  if (numberAt(payload, 0) === streamId) {
    throw new Http2Fault(faults.protocol, 'a stream depends on itself', streamId);
  }
}

function broken(message: string): Http2Fault {
  return new Http2Fault(faults.protocol, message);
}
