import { type Field, staticTable } from './static-table.js';

/** Bytes of the table from which on we use it; nobody offers less but to have none. */
const leastTable = 4_096;
const firstDynamic = staticTable.length + 1;

/** What a header block is made of. A list that comes again and again, as the same object, says so. */
export interface FieldList {
  readonly fields: readonly Field[];
  readonly repeated: boolean;
}

/** Packs the header blocks of one connection (RFC 7541). Lists that come again and again become a byte a field. */
export class HpackEncoder {
  /** How many fields the other side remembered before each. They are few: none is ever forgotten. */
  private readonly known = new Map<Field, number>();
  private readonly blocks = new Map<FieldList, { readonly known: number; readonly block: Buffer }>();
  private indexing = true;
  private tellSize = false;

  /** The other side's table is so large. */
  resize(tableBytes: number): void {
    if (tableBytes >= leastTable || !this.indexing) return;
    this.indexing = false;
    this.tellSize = true;
    this.known.clear();
    this.blocks.clear();
  }

  pack(list: FieldList): Buffer {
    const before = this.known.size;
    const packed = this.blocks.get(list);
    if (packed?.known === before) return packed.block;
    const again = list.repeated && !this.tellSize;
    const block = this.packed(list.fields, list.repeated && this.indexing);
    if (again && this.known.size === before) this.blocks.set(list, { known: before, block });
    return block;
  }

  private packed(fields: readonly Field[], keep: boolean): Buffer {
    const parts = fields.map((field) => this.field(field, keep));
    if (this.tellSize) {
      // The table has no bytes any more.
      parts.unshift(Buffer.of(0x20));
      this.tellSize = false;
    }
    return Buffer.concat(parts);
  }

  private field(field: Field, keep: boolean): Buffer {
    const { name, value } = field;
    const fixed = staticFields.get(`${name}:${value}`);
    if (fixed !== undefined) return integer(0x80, 0x7f, fixed);
    const earlier = this.known.get(field);
    if (earlier !== undefined) return integer(0x80, 0x7f, firstDynamic + this.known.size - 1 - earlier);
    if (keep) this.known.set(field, this.known.size);
    return Buffer.concat([Buffer.of(keep ? 0x40 : 0), text(name), text(value)]);
  }
}

const staticFields = new Map(staticTable.map(({ name, value }, index) => [`${name}:${value}`, index + 1]));

function text(characters: string): Buffer {
  const bytes = Buffer.from(characters, 'latin1');
  return Buffer.concat([integer(0, 0x7f, bytes.length), bytes]);
}

function integer(first: number, mask: number, value: number): Buffer {
  if (value < mask) return Buffer.of(first | value);
  const bytes = [first | mask];
  let left = value - mask;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) bytes.push((left & 0x7f) | 0x80);
  return Buffer.from([...bytes, left]);
}
