import { faults, Http2Fault } from './faults.js';
import { type Frame, frameHeadBytes, numberAt } from './frame.js';

/** Pieces of one frame are joined when they are so many: a piece takes far more room than a byte of it. */
const mostPieces = 1_024;
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** Cuts what a client sends into its preface and frames. */
export class FrameReader {
  private readonly mostBytes: number;
  private readonly taken: (frame: Frame) => void;
  private prefaceLeft = preface.length;
  /** A frame that began in earlier chunks: its bytes so far, and how many are to be there before more can be said. */
  private pieces: Buffer[] = [];
  private held = 0;
  private needed = 0;

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
    if (this.held > 0) at = this.complete(chunk, at);
    while (at < chunk.length) {
      const left = chunk.length - at;
      const size = left < frameHeadBytes ? frameHeadBytes : frameHeadBytes + this.lengthAt(chunk, at);
      if (left < size) {
        this.pieces.push(chunk.subarray(at));
        this.held = left;
        this.needed = size;
        return;
      }
      this.taken(frameAt(chunk, at, size));
      at += size;
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

  /** Goes on with the frame that began earlier; gives where the next begins. */
  private complete(chunk: Buffer, from: number): number {
    let at = from;
    while (this.held > 0 && at < chunk.length) {
      const piece = chunk.subarray(at, at + this.needed - this.held);
      this.pieces.push(piece);
      this.held += piece.length;
      at += piece.length;
      if (this.held < this.needed) {
        if (this.pieces.length >= mostPieces) this.pieces = [Buffer.concat(this.pieces, this.held)];
        return at;
      }
      const joined = Buffer.concat(this.pieces, this.held);
      const size = frameHeadBytes + this.lengthAt(joined, 0);
      this.pieces = [joined];
      this.needed = size;
      if (this.held < size) continue;
      this.pieces = [];
      this.held = 0;
      this.taken(frameAt(joined, 0, size));
    }
    return at;
  }

  private lengthAt(bytes: Buffer, at: number): number {
    const length = bytes.readUIntBE(at, 3);
    if (length > this.mostBytes) throw new Http2Fault(faults.frameSize, `a frame of ${length} bytes is too large`);
    return length;
  }
}

function frameAt(bytes: Buffer, at: number, size: number): Frame {
  return {
    type: bytes[at + 3] ?? 0,
    flags: bytes[at + 4] ?? 0,
    streamId: numberAt(bytes, at + 5),
    payload: bytes.subarray(at + frameHeadBytes, at + size),
  };
}
