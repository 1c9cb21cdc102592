import { faults, Http2Fault } from '../faults.js';
import { unhuffed } from './huffman.js';
import { type Field, staticTable } from './static-table.js';

/** Bytes of the dynamic table: the protocol's default, which is what we tell nobody otherwise. */
const tableBytes = 4_096;
/** What a field counts beside its name and value (RFC 7541, section 4.1). */
const fieldBytes = 32;

export interface HeaderBlock {
  /** Empty where they are too many. */
  readonly fields: readonly Field[];
  /** Were there more bytes of them than allowed? The table was kept up nevertheless. */
  readonly tooMany: boolean;
  /** Does the table differ from before? */
  readonly changed: boolean;
}

/** Header blocks of one connection, unpacked in the order in which they come (RFC 7541). */
export class HpackDecoder {
  private readonly mostBytes: number;
  /** The newest comes last. */
  private readonly table: Field[] = [];
  private held = 0;
  private limit = tableBytes;
  private block: Buffer = Buffer.alloc(0);
  private at = 0;
  private changed = false;

  /** `mostBytes` is the greatest size of a list of fields, as SETTINGS_MAX_HEADER_LIST_SIZE counts it. */
  constructor(mostBytes: number) {
    this.mostBytes = mostBytes;
  }

  /** Throws a COMPRESSION_ERROR. */
  decode(block: Buffer): HeaderBlock {
    this.block = block;
    this.at = 0;
    this.changed = false;
    const fields: Field[] = [];
    let size = 0;
    while (this.at < block.length) {
      const field = this.next(fields.length === 0);
      if (field === undefined) continue;
      size += sizeOf(field);
      if (size <= this.mostBytes) fields.push(field);
    }
    const tooMany = size > this.mostBytes;
    return { fields: tooMany ? [] : fields, tooMany, changed: this.changed };
  }

  private next(first: boolean): Field | undefined {
    const byte = this.block[this.at] ?? 0;
    if (byte >= 0x80) return this.field(this.integer(0x7f));
    if (byte >= 0x40) return this.kept(this.literal(0x3f));
    if (byte < 0x20) return this.literal(0x0f);
    if (!first) throw broken('the size of the table changes among fields');
    this.resize(this.integer(0x1f));
    return undefined;
  }

  private literal(mask: number): Field {
    const index = this.integer(mask);
    const name = index === 0 ? this.text() : this.field(index).name;
    return { name, value: this.text() };
  }

  private field(index: number): Field {
    const field = index <= staticTable.length ? staticTable[index - 1] : this.table.at(staticTable.length - index);
    if (field === undefined) throw broken(`there is no field ${index}`);
    return field;
  }

  private kept(field: Field): Field {
    this.table.push(field);
    this.held += sizeOf(field);
    this.shrink();
    return field;
  }

  private resize(limit: number): void {
    if (limit > tableBytes) throw broken(`a table of ${limit} bytes is larger than allowed`);
    this.limit = limit;
    this.shrink();
  }

  private shrink(): void {
    this.changed = true;
    while (this.held > this.limit) {
      const oldest = this.table.shift();
      if (oldest !== undefined) this.held -= sizeOf(oldest);
    }
  }

  /** A number whose first bits are those of the mask (RFC 7541, section 5.1). */
  private integer(mask: number): number {
    let value = this.byte() & mask;
    if (value < mask) return value;
    for (let shift = 0; ; shift += 7) {
      // No number here has more than 28 bits beside those.
      if (shift > 21) throw broken('a number is too large');
      const byte = this.byte();
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  private text(): string {
    const packed = (this.block[this.at] ?? 0) >= 0x80;
    const length = this.integer(0x7f);
    const end = this.at + length;
    if (end > this.block.length) throw broken('a text goes beyond the block');
    const begin = this.at;
    this.at = end;
    return packed ? unhuffed(this.block.subarray(begin, end)) : this.block.toString('latin1', begin, end);
  }

  private byte(): number {
    const byte = this.block[this.at++];
    if (byte === undefined) throw broken('the block ends within a field');
    return byte;
  }
}

function sizeOf({ name, value }: Field): number {
  return name.length + value.length + fieldBytes;
}

function broken(message: string): Http2Fault {
  return new Http2Fault(faults.compression, message);
}
