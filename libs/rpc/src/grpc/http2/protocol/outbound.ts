import { faults, Http2Fault } from './faults.js';
import { flags, frameTypes } from './frame.js';
import { type FieldList, HpackEncoder } from './hpack/encoder.js';
import type { Output } from './output.js';
import { firstWindow, greatestWindow, PeerSettings } from './settings.js';
import type { Http2Stream } from './stream.js';

/** Bytes that may wait for the system before answers wait, too. */
const mostBacklog = 1 << 20;

/** What goes out on a connection's streams, within what the other side allows. */
export class Outbound {
  readonly peer = new PeerSettings();
  private readonly output: Output;
  private readonly ended: (stream: Http2Stream) => void;
  private readonly packer = new HpackEncoder();
  /** Streams that wait for room on the connection. One whose own window is shut is not here: it is pumped when that opens. */
  private readonly blocked = new Set<Http2Stream>();
  private window = firstWindow;
  /** Bytes of answers that have no room yet. */
  waitingBytes = 0;

  /** `ended` hears of a stream whose last frame is on its way. */
  constructor(output: Output, ended: (stream: Http2Stream) => void) {
    this.output = output;
    this.ended = ended;
  }

  head(stream: Http2Stream, list: FieldList, last: boolean): void {
    const block = this.packer.pack(list);
    const most = this.peer.frameBytes;
    const end = last ? flags.endStream : 0;
    if (block.length <= most) this.output.frame(frameTypes.headers, end | flags.endHeaders, stream.id, block);
    else {
      this.output.frame(frameTypes.headers, end, stream.id, block.subarray(0, most));
      for (let at = most; at < block.length; at += most) {
        const set = at + most >= block.length ? flags.endHeaders : 0;
        this.output.frame(frameTypes.continuation, set, stream.id, block.subarray(at, at + most));
      }
    }
    if (last) this.end(stream);
  }

  /** Sends what waits on the stream, as far as there is room. */
  pump(stream: Http2Stream): void {
    const { waiting } = stream;
    while (waiting.length > 0) {
      const [bytes] = waiting;
      if (bytes === undefined || stream.closed) break;
      const room = Math.max(0, Math.min(this.window, stream.sendWindow, this.peer.frameBytes));
      if (bytes.length > 0 && (room === 0 || this.full)) return this.block(stream);
      const part = bytes.length <= room ? bytes : bytes.subarray(0, room);
      this.output.frame(frameTypes.data, 0, stream.id, part);
      this.window -= part.length;
      stream.sendWindow -= part.length;
      if (part === bytes) waiting.shift();
      else waiting[0] = bytes.subarray(part.length);
    }
    this.forget(stream);
    if (stream.closed) return;
    stream.responder?.drained();
    const { trailers } = stream;
    // Who heard of the room may have sent more, or ended.
    if (trailers !== undefined && waiting.length === 0 && !stream.localEnded) this.head(stream, trailers, true);
  }

  /** Sends what waited for room. */
  pumpAll(): void {
    let left = this.blocked.size;
    for (const stream of this.blocked) {
      if (left-- === 0 || this.full) return;
      this.pump(stream);
    }
  }

  /** Nothing of the stream waits any more. */
  forget(stream: Http2Stream): void {
    this.blocked.delete(stream);
    this.counts(stream, 0);
  }

  /** Throws a FLOW_CONTROL_ERROR. */
  widen(bytes: number, stream?: Http2Stream): void {
    const before = stream === undefined ? this.window : stream.sendWindow;
    if (before + bytes > greatestWindow) {
      throw new Http2Fault(faults.flowControl, 'a window is too large', stream?.id);
    }
    if (stream === undefined) {
      this.window += bytes;
      this.pumpAll();
    } else {
      stream.sendWindow += bytes;
      if (stream.waiting.length > 0) this.pump(stream);
    }
  }

  /** What waits may have room afterwards. Throws what the settings' reader throws, and a FLOW_CONTROL_ERROR. */
  settings(payload: Buffer, streams: Iterable<Http2Stream>): void {
    const before = this.peer.streamWindow;
    this.peer.read(payload);
    this.packer.resize(this.peer.headerTableBytes);
    const grown = this.peer.streamWindow - before;
    if (grown === 0) return;
    for (const stream of streams) {
      const shut = stream.sendWindow <= 0;
      stream.sendWindow += grown;
      if (stream.sendWindow > greatestWindow) throw new Http2Fault(faults.flowControl, 'a window is too large');
      if (shut && stream.sendWindow > 0 && stream.waiting.length > 0) this.blocked.add(stream);
    }
  }

  /** Has the connection no room, whatever the stream? */
  private get full(): boolean {
    return this.window <= 0 || this.output.backlog > mostBacklog;
  }

  /** Behind the others: each has its turn at what room there is. */
  private block(stream: Http2Stream): void {
    this.blocked.delete(stream);
    if (stream.sendWindow > 0) this.blocked.add(stream);
    let bytes = 0;
    for (const part of stream.waiting) bytes += part.length;
    this.counts(stream, bytes);
  }

  private counts(stream: Http2Stream, bytes: number): void {
    this.waitingBytes += bytes - stream.waitingBytes;
    stream.waitingBytes = bytes;
  }

  private end(stream: Http2Stream): void {
    stream.localEnded = true;
    this.ended(stream);
  }
}
