import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { isLargeBuffer, type LargeBuffers, RelearnError } from '@relearn/kernel';
import { ByteQueue } from './byte-queue.js';

/** A flag and the length, before each message. */
export const prefixBytes = 5;

/** What may compress messages here, as a header says it. */
export const acceptedEncodings = 'identity,deflate,gzip';

export interface MessageLimits {
  /** Bytes of a message, before and after it is unpacked. */
  readonly mostBytes: number;
  /** The call's `grpc-encoding`. */
  readonly encoding: string;
}

/** A message as it stands on the wire. */
export interface Framed {
  readonly compressed: boolean;
  readonly bytes: Buffer;
}

const nothing = Buffer.alloc(0);
/** A message's room grows with what has come of it: who only says that much will come takes none. */
const fastGrowth = 64;
/** So large a room grows no more as fast. */
const fastRoom = 1 << 20;
/** Each growth copies what is there: a large message is to be copied a few times at most. */
const growth = 8;
/** Messages that are cut before anybody asks for them: a small one takes far more room by itself than among its bytes. */
const mostReady = 256;

/** Puts messages together from what comes in, chunk by chunk. A chunk is the caller's again once it is pushed. */
export class MessageReader {
  private readonly mostBytes: number;
  private readonly ready: Framed[] = [];
  /** What came behind those. */
  private readonly rest = new ByteQueue();
  private readonly prefix = Buffer.alloc(prefixBytes);
  private prefixed = 0;
  /** Of the message under way: how long it is to be, what has come of it, and how much that is. */
  private length = 0;
  private room: Buffer = nothing;
  private filled = 0;
  private readonly buffers: LargeBuffers;

  /** Large messages are put into `buffers`, where whoever is done with one may give it back. */
  constructor(mostBytes: number, buffers: LargeBuffers) {
    this.mostBytes = mostBytes;
    this.buffers = buffers;
  }

  /** Throws RESOURCE_EXHAUSTED where a message says to be larger than allowed, before the rest has come. */
  push(chunk: Buffer): void {
    const at = this.rest.length > 0 ? 0 : this.cut(chunk);
    if (at < chunk.length) this.rest.add(at === 0 ? chunk : chunk.subarray(at));
  }

  /** The next message that is whole. Throws what `push` throws, where many came before the one that is too large. */
  next(): Framed | undefined {
    if (this.ready.length === 0 && this.rest.length > 0) this.rest.drop(this.cut(this.rest.bytes));
    return this.ready.shift();
  }

  /** Is nothing left over? */
  get empty(): boolean {
    return this.ready.length === 0 && this.prefixed === 0 && this.rest.length === 0;
  }

  /** Cuts messages off, as many as may be ready; gives where the rest begins. */
  private cut(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length && this.ready.length < mostReady) {
      at += this.prefixed < prefixBytes ? this.begin(bytes, at) : this.fill(bytes, at);
      if (this.prefixed === prefixBytes && this.filled === this.length) this.complete();
    }
    return at;
  }

  private begin(chunk: Buffer, at: number): number {
    const taken = chunk.copy(this.prefix, this.prefixed, at, at + prefixBytes - this.prefixed);
    this.prefixed += taken;
    if (this.prefixed < prefixBytes) return taken;
    this.length = this.prefix.readUInt32BE(1);
    if (this.length <= this.mostBytes) return taken;
    throw tooLarge(`Received message larger than max (${this.length} vs ${this.mostBytes})`);
  }

  private fill(chunk: Buffer, at: number): number {
    const taken = Math.min(this.length - this.filled, chunk.length - at);
    this.makeRoom(taken);
    chunk.copy(this.room, this.filled, at, at + taken);
    this.filled += taken;
    return taken;
  }

  private makeRoom(more: number): void {
    const needed = this.filled + more;
    if (needed <= this.room.length) return;
    const wished = needed < fastRoom ? Math.min(fastGrowth * needed, fastRoom) : growth * this.room.length;
    const room = this.roomOf(Math.min(this.length, Math.max(needed, wished)));
    this.room.copy(room, 0, 0, this.filled);
    this.buffers.give(this.room.buffer);
    this.room = room;
  }

  private roomOf(bytes: number): Buffer {
    return isLargeBuffer(bytes) ? Buffer.from(this.buffers.take(bytes), 0, bytes) : Buffer.allocUnsafe(bytes);
  }

  private complete(): void {
    this.ready.push({ compressed: this.prefix[0] === 1, bytes: this.room });
    this.prefixed = 0;
    this.length = 0;
    this.room = nothing;
    this.filled = 0;
  }
}

/** Throws RESOURCE_EXHAUSTED, UNIMPLEMENTED for an unknown encoding, INVALID_INPUT for bytes that are not so encoded. */
export async function unpacked(bytes: Buffer, { encoding, mostBytes }: MessageLimits): Promise<Buffer> {
  const unpack = unpackers[encoding];
  if (unpack === undefined) {
    throw new RelearnError('UNIMPLEMENTED', `Received message compressed with unsupported encoding "${encoding}"`);
  }
  try {
    return await unpack(bytes, { maxOutputLength: mostBytes });
  } catch (thrown) {
    if (thrown instanceof RangeError) {
      throw tooLarge(`Received message that decompresses to a size larger than ${mostBytes}`);
    }
    throw new RelearnError('INVALID_INPUT', 'Failed to decompress message', { cause: thrown });
  }
}

type Unpack = (bytes: Buffer, limit: { maxOutputLength: number }) => Promise<Buffer>;
const unpackers: Readonly<Record<string, Unpack | undefined>> = {
  identity: async (bytes) => bytes,
  gzip: promisify(gunzip) as Unpack,
  deflate: promisify(inflate) as Unpack,
};

/** A longer message goes out behind its prefix as it is; a shorter one is cheaper copied. */
export const mostCopied = 1 << 16;

/** A message as it goes out. */
export function framed(message: Uint8Array): Buffer {
  return Buffer.concat([prefixOf(message), message]);
}

/** What goes out before a message. */
export function prefixOf({ byteLength }: Uint8Array): Buffer {
  const prefix = Buffer.allocUnsafe(prefixBytes);
  prefix[0] = 0;
  prefix.writeUInt32BE(byteLength, 1);
  return prefix;
}

function tooLarge(message: string): RelearnError {
  return new RelearnError('RESOURCE_EXHAUSTED', message, { remedy: 'Send smaller messages.' });
}
