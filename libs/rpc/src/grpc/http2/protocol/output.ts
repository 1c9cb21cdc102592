import type { Socket } from 'node:net';
import { frameHeadBytes, writeFrameHead } from './frame.js';

const blockBytes = 64 * 1024;
/** Longer payloads are handed on as they are; shorter ones are cheaper copied. */
const copiedBytes = 4_096;

/** Frames on their way to a socket: what one turn of the loop brings together goes out in one write. */
export class Output {
  private readonly socket: Socket;
  private block = Buffer.allocUnsafe(blockBytes);
  /** Where what has not been handed on yet begins and ends in the block. */
  private from = 0;
  private to = 0;
  private parts: Uint8Array[] = [];
  private partBytes = 0;
  private asked = false;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  /** Bytes that the system has not taken yet. */
  get backlog(): number {
    return this.partBytes + this.to - this.from + this.socket.writableLength;
  }

  frame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    const { length } = payload;
    if (length <= copiedBytes) {
      const at = this.room(frameHeadBytes + length);
      writeFrameHead(this.block, at, length, type, flags, streamId);
      this.block.set(payload, at + frameHeadBytes);
    } else {
      writeFrameHead(this.block, this.room(frameHeadBytes), length, type, flags, streamId);
      this.seal();
      this.add(payload);
    }
  }

  flush(): void {
    this.asked = false;
    if (this.socket.writable) this.write();
    this.parts = [];
    this.partBytes = 0;
    // What the system has taken needs its place no more.
    if (this.socket.writableLength > 0) this.block = Buffer.allocUnsafe(blockBytes);
    this.from = 0;
    this.to = 0;
  }

  private write(): void {
    if (this.parts.length === 0) {
      this.socket.write(this.block.subarray(this.from, this.to));
    } else {
      this.seal();
      this.socket.cork();
      for (const part of this.parts) this.socket.write(part);
      this.socket.uncork();
    }
  }

  /** Where so many bytes can be written in the block. */
  private room(bytes: number): number {
    if (!this.asked) {
      this.asked = true;
      process.nextTick(() => this.flush());
    }
    if (this.to + bytes > blockBytes) {
      this.seal();
      this.block = Buffer.allocUnsafe(blockBytes);
      this.from = 0;
      this.to = 0;
    }
    const at = this.to;
    this.to += bytes;
    return at;
  }

  private seal(): void {
    if (this.to > this.from) this.add(this.block.subarray(this.from, this.to));
    this.from = this.to;
  }

  private add(part: Uint8Array): void {
    this.parts.push(part);
    this.partBytes += part.length;
  }
}
