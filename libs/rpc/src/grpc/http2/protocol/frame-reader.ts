import { faults, Http2Fault } from './faults.js';
import { ByteQueue } from '../byte-queue.js';
import { type Frame, flags, frameHeadBytes, frameTypes, numberAt } from './frame.js';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/**
 * Cuts what a client sends into its preface and frames. DATA that comes in parts is handed on in parts, as if they were frames: a
 * body is never put together here. A payload is the reader's again once it was taken, and a chunk its owner's once it is pushed.
 */
export class FrameReader {
  private readonly mostBytes: number;
  private readonly taken: (frame: Frame) => void;
  private prefaceLeft = preface.length;
  /** The beginning of a frame that came in earlier chunks, and how many bytes are to be there before more can be said. */
  private readonly begun = new ByteQueue();
  private needed = 0;
  /** A DATA frame whose end is still to come, and how far off that is. */
  private open: Frame | undefined;
  private openBytes = 0;

  /** `mostBytes` is the greatest payload that we allow. */
  constructor(mostBytes: number, taken: (frame: Frame) => void) {
    this.mostBytes = mostBytes;
    this.taken = taken;
  }

  /** Has the client shown that it speaks HTTP/2? */
  get greeted(): boolean {
    return this.prefaceLeft === 0;
  }

  /** Throws what `taken` throws, a PROTOCOL_ERROR for another preface, a FRAME_SIZE_ERROR for a frame that is too large. */
  push(chunk: Buffer): void {
    let at = this.prefaceLeft === 0 ? 0 : this.greet(chunk);
    while (at < chunk.length) {
      if (this.open !== undefined) at = this.goOn(this.open, chunk, at);
      else if (this.begun.length > 0) at = this.complete(chunk, at);
      else at = this.begin(chunk, at);
    }
  }

  private greet(chunk: Buffer): number {
    const from = preface.length - this.prefaceLeft;
    const length = Math.min(this.prefaceLeft, chunk.length);
    if (chunk.compare(preface, from, from + length, 0, length) !== 0) {
      throw new Http2Fault(faults.protocol, 'the connection does not begin as HTTP/2 does');
    }
    this.prefaceLeft -= length;
    return length;
  }

  /** A frame of which nothing came before; gives where the next begins. */
  private begin(chunk: Buffer, at: number): number {
    const left = chunk.length - at;
    const size = left < frameHeadBytes ? frameHeadBytes : frameHeadBytes + this.lengthAt(chunk, at);
    if (left >= size) {
      this.taken(frameAt(chunk, at, size));
      return at + size;
    }
    if (left < frameHeadBytes || !mayBeParted(chunk, at)) {
      this.begun.add(chunk.subarray(at));
      this.needed = size;
      return chunk.length;
    }
    this.open = frameAt(chunk, at, frameHeadBytes);
    this.openBytes = size - frameHeadBytes;
    return at + frameHeadBytes;
  }

  /** The beginning of a frame is there already; gives where what was not needed for it begins. */
  private complete(chunk: Buffer, at: number): number {
    const more = chunk.subarray(at, at + this.needed - this.begun.length);
    this.begun.add(more);
    if (this.begun.length < this.needed) return at + more.length;
    const { bytes } = this.begun;
    this.begun.drop(bytes.length);
    // From its head on it is as one that comes now: a DATA frame's body is not waited for.
    this.begin(bytes, 0);
    return at + more.length;
  }

  /** The next part of a DATA frame; only the last has the frame's flags. */
  private goOn(open: Frame, chunk: Buffer, at: number): number {
    const payload = chunk.subarray(at, at + this.openBytes);
    this.openBytes -= payload.length;
    const last = this.openBytes === 0;
    if (last) this.open = undefined;
    this.taken({ ...open, flags: last ? open.flags : 0, payload });
    return at + payload.length;
  }

  private lengthAt(bytes: Buffer, at: number): number {
    const length = bytes.readUIntBE(at, 3);
    if (length > this.mostBytes) throw new Http2Fault(faults.frameSize, `a frame of ${length} bytes is too large`);
    return length;
  }
}

/** What is padded says so in its first byte: its payload is to be there. */
function mayBeParted(bytes: Buffer, at: number): boolean {
  return bytes[at + 3] === frameTypes.data && ((bytes[at + 4] ?? 0) & flags.padded) === 0;
}

function frameAt(bytes: Buffer, at: number, size: number): Frame {
  return {
    type: bytes[at + 3] ?? 0,
    flags: bytes[at + 4] ?? 0,
    streamId: numberAt(bytes, at + 5),
    payload: bytes.subarray(at + frameHeadBytes, at + size),
  };
}
