import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { RelearnError } from '@relearn/kernel';

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

/** Puts messages together from what comes in, chunk by chunk. */
export class MessageReader {
  private readonly mostBytes: number;
  private chunks: Buffer[] = [];
  private held = 0;

  constructor(mostBytes: number) {
    this.mostBytes = mostBytes;
  }

  push(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.held += chunk.length;
  }

  /** Throws RESOURCE_EXHAUSTED where the next message says to be larger than allowed. */
  check(): void {
    this.length();
  }

  /** The next message that is whole. Throws what `check` does. */
  next(): Framed | undefined {
    const length = this.length();
    if (length === undefined || this.held < prefixBytes + length) return undefined;
    const size = prefixBytes + length;
    const front = this.front(size);
    this.held -= size;
    this.chunks = this.held === 0 ? [] : [front.subarray(size), ...this.chunks.slice(1)];
    return { compressed: front[0] === 1, bytes: front.subarray(prefixBytes, size) };
  }

  /** Is nothing left over? */
  get empty(): boolean {
    return this.held === 0;
  }

  /** What the next message says of its length, once that is there. */
  private length(): number | undefined {
    if (this.held < prefixBytes) return undefined;
    const length = this.front(prefixBytes).readUInt32BE(1);
    if (length > this.mostBytes) throw tooLarge(`Received message larger than max (${length} vs ${this.mostBytes})`);
    return length;
  }

  /** The first chunk, once it has at least so many bytes. */
  private front(size: number): Buffer {
    const [first] = this.chunks;
    if (first !== undefined && first.length >= size) return first;
    const joined = Buffer.concat(this.chunks);
    this.chunks = [joined];
    return joined;
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

/** A message as it goes out. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(prefixBytes + message.byteLength);
  frame[0] = 0;
  frame.writeUInt32BE(message.byteLength, 1);
  frame.set(message, prefixBytes);
  return frame;
}

function tooLarge(message: string): RelearnError {
  return new RelearnError('RESOURCE_EXHAUSTED', message, { remedy: 'Send smaller messages.' });
}
