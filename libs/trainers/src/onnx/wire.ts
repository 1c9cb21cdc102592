/** Protocol Buffers' wire format, as much of it as an ONNX file needs. Fields appear in the order they are written. */
export class WireWriter {
  private bytes = new Uint8Array(256);
  private length = 0;

  /** An int64 or enum field. */
  int(field: number, value: number): void {
    this.varint(field * 8);
    this.varint(value);
  }

  float(field: number, value: number): void {
    this.varint(field * 8 + 5);
    this.append(littleEndian(Float32Array.of(value)));
  }

  string(field: number, value: string): void {
    this.blob(field, utf8.encode(value));
  }

  blob(field: number, value: Uint8Array): void {
    this.varint(field * 8 + 2);
    this.varint(value.length);
    this.append(value);
  }

  message(field: number, write: (inner: WireWriter) => void): void {
    const inner = new WireWriter();
    write(inner);
    this.blob(field, inner.finish());
  }

  packedInts(field: number, values: ArrayLike<number>): void {
    const inner = new WireWriter();
    for (let i = 0; i < values.length; i++) inner.varint(values[i]!);
    this.blob(field, inner.finish());
  }

  packedFloats(field: number, values: Float32Array): void {
    this.blob(field, littleEndian(values));
  }

  finish(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  private varint(value: number): void {
    this.reserve(10);
    if (value >= 0 && value < 0x80000000) {
      let rest = value;
      while (rest > 127) {
        this.bytes[this.length++] = (rest & 127) | 128;
        rest >>>= 7;
      }
      this.bytes[this.length++] = rest;
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 127n) {
      this.bytes[this.length++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.bytes[this.length++] = Number(rest);
  }

  /** Bytes that are already fields. */
  append(value: Uint8Array): void {
    this.reserve(value.length);
    this.bytes.set(value, this.length);
    this.length += value.length;
  }

  private reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + more));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}

const utf8 = new TextEncoder();

/** The bytes of float32 or int64 values, lowest byte first whatever the machine. */
export function littleEndian(values: Float32Array | BigInt64Array): Uint8Array {
  const width = values.BYTES_PER_ELEMENT;
  const view = new DataView(new ArrayBuffer(values.length * width));
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (typeof value === 'bigint') view.setBigInt64(i * width, value, true);
    else view.setFloat32(i * width, value, true);
  }
  return new Uint8Array(view.buffer);
}
