import { RelearnError } from '@relearn/kernel';

// Protobuf's wire format, as much of it as an inference request takes. Fields of bytes are views of the message:
// a tensor is copied once, into its batch.

/** Wire types: 0 varint, 1 64 bits, 2 length-delimited, 5 32 bits. */
export type WireType = 0 | 1 | 2 | 5;

export class WireReader {
  private readonly buffer: Buffer;
  private position: number;
  private readonly end: number;
  /** Of the field that `next` came to. */
  field = 0;
  wireType: WireType = 0;

  private constructor(buffer: Buffer, start: number, end: number) {
    this.buffer = buffer;
    this.position = start;
    this.end = end;
  }

  static over(bytes: Uint8Array): WireReader {
    const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new WireReader(buffer, 0, buffer.length);
  }

  /** Goes to the next field; false at the end. Read its value or `skip` it. */
  next(): boolean {
    if (this.position >= this.end) return false;
    const tag = this.unsigned();
    const type = tag % 8;
    this.field = Math.floor(tag / 8);
    if (this.field < 1 || this.field > 0x1fffffff) throw malformed(`field number ${this.field}`);
    if (type !== 0 && type !== 1 && type !== 2 && type !== 5) throw malformed(`wire type ${type}`);
    this.wireType = type;
    return true;
  }

  skip(): void {
    if (this.wireType === 0) this.unsigned();
    else if (this.wireType === 2) this.advance(this.unsigned());
    else this.advance(this.wireType === 1 ? 8 : 4);
  }

  get atEnd(): boolean {
    return this.position >= this.end;
  }

  /** A varint as a number: exact up to 2^53, near beyond. */
  unsigned(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw malformed('a number is longer than 10 bytes');
  }

  /** A varint's 64 bits. */
  unsigned64(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw malformed('a number is longer than 10 bytes');
  }

  /** A varint as int64: a number where that is exact. */
  signed(): number | bigint {
    const first = this.position;
    const value = this.unsigned();
    if (value <= Number.MAX_SAFE_INTEGER) return value;
    this.position = first;
    return exact(BigInt.asIntN(64, this.unsigned64()));
  }

  float(): number {
    return this.buffer.readFloatLE(this.advance(4));
  }

  double(): number {
    return this.buffer.readDoubleLE(this.advance(8));
  }

  bytes(): Buffer {
    this.expect(2);
    const length = this.unsigned();
    const start = this.advance(length);
    return this.buffer.subarray(start, start + length);
  }

  /** A message or packed field inside this one. */
  inner(): WireReader {
    this.expect(2);
    const length = this.unsigned();
    const start = this.advance(length);
    return new WireReader(this.buffer, start, start + length);
  }

  text(): string {
    this.expect(2);
    const length = this.unsigned();
    const start = this.advance(length);
    return this.buffer.toString('utf8', start, start + length);
  }

  expect(type: WireType): void {
    if (this.wireType !== type) throw malformed(`field ${this.field} has wire type ${this.wireType}`);
  }

  private byte(): number {
    if (this.position >= this.end) throw malformed('it ends inside a number');
    return this.buffer[this.position++] ?? 0;
  }

  private advance(length: number): number {
    const start = this.position;
    if (length > this.end - start) throw malformed('it ends inside a field');
    this.position = start + length;
    return start;
  }
}

/** A number where it is exact, else the bigint. */
export function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function malformed(what: string): RelearnError {
  return new RelearnError('INVALID_INPUT', `malformed ModelInferRequest: ${what}`);
}

/** Writes a message whose size is known to be at most `size`. */
export class WireWriter {
  private readonly buffer: Buffer;
  private position = 0;

  constructor(size: number) {
    this.buffer = Buffer.allocUnsafe(size);
  }

  raw(bytes: Uint8Array): this {
    this.buffer.set(bytes, this.position);
    this.position += bytes.byteLength;
    return this;
  }

  varint(value: number): this {
    let rest = value;
    while (rest >= 0x80) {
      this.buffer[this.position++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.buffer[this.position++] = rest;
    return this;
  }

  /** A length-delimited field. */
  bytes(field: number, bytes: Uint8Array): this {
    return this.varint(field * 8 + 2)
      .varint(bytes.byteLength)
      .raw(bytes);
  }

  finish(): Buffer {
    return this.buffer.subarray(0, this.position);
  }
}

/** Most bytes that a tag or a length takes in our messages. */
export const longestVarint = 5;

/** Bytes that a varint takes. */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) length += 1;
  return length;
}
