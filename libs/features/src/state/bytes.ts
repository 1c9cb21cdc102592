import type { Cell } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';

/**
 * State as bytes: the length of a JSON array of distinct texts (uint32), that JSON padded with spaces to a multiple
 * of eight, then doubles; all little-endian. JSON, because it keeps lone surrogates, which UTF-8 cannot.
 */
const headerBytes = 8;

export class StateWriter {
  private readonly numbers: number[] = [];
  private readonly texts = new Map<string, number>();

  number(value: number): void {
    this.numbers.push(value);
  }

  text(value: string): void {
    let index = this.texts.get(value);
    if (index === undefined) {
      index = this.texts.size;
      this.texts.set(value, index);
    }
    this.numbers.push(index);
  }

  cell(value: Cell): void {
    if (typeof value === 'number') {
      this.number(2);
      this.number(value);
    } else if (typeof value === 'string') {
      this.number(3);
      this.text(value);
    } else this.number(value === null ? -1 : value ? 1 : 0);
  }

  bytes(): Uint8Array {
    const json = new TextEncoder().encode(JSON.stringify([...this.texts.keys()]));
    const padded = Math.ceil(json.length / 8) * 8;
    const bytes = new Uint8Array(headerBytes + padded + this.numbers.length * 8).fill(0x20, headerBytes);
    bytes.set(json, headerBytes);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, padded, true);
    this.numbers.forEach((value, index) => {
      view.setFloat64(headerBytes + padded + index * 8, value, true);
    });
    return bytes;
  }
}

export class StateReader {
  private readonly view: DataView;
  private readonly texts: readonly string[];
  private offset: number;

  /** Throws CORRUPT when the bytes are not what a writer wrote. */
  constructor(bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length < headerBytes || bytes.length % 8 !== 0) throw corrupt();
    this.offset = headerBytes + this.view.getUint32(0, true);
    if (this.offset > bytes.length) throw corrupt();
    this.texts = textsOf(new TextDecoder().decode(bytes.subarray(headerBytes, this.offset)));
  }

  number(): number {
    if (this.offset + 8 > this.view.byteLength) throw corrupt();
    const value = this.view.getFloat64(this.offset, true);
    this.offset += 8;
    return value;
  }

  text(): string {
    const text = this.texts[this.number()];
    if (text === undefined) throw corrupt();
    return text;
  }

  cell(): Cell {
    const tag = this.number();
    if (tag === 2) return this.number();
    if (tag === 3) return this.text();
    return tag === -1 ? null : tag === 1;
  }

  end(): void {
    if (this.offset !== this.view.byteLength) throw corrupt();
  }
}

function textsOf(json: string): string[] {
  try {
    const parsed: unknown = JSON.parse(json);
    if (Array.isArray(parsed) && parsed.every((text) => typeof text === 'string')) return parsed;
  } catch (thrown) {
    throw corrupt(thrown);
  }
  throw corrupt();
}

function corrupt(cause?: unknown): RelearnError {
  return new RelearnError('CORRUPT', 'the saved state of the feature engine is damaged', { cause });
}
