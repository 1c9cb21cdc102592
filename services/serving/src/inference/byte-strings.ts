import { isAscii, isUtf8 } from 'node:buffer';

/** What is wrong with a BYTES tensor. */
export type ByteStringsFault =
  | { readonly kind: 'length-cut'; readonly left: number }
  | { readonly kind: 'data-cut'; readonly expected: number; readonly left: number }
  | { readonly kind: 'count'; readonly found: number }
  | { readonly kind: 'not-utf8' | 'nul'; readonly index: number };

/** Checks that the bytes are `count` elements, each a uint32 length and that much UTF-8 without a NUL, which ends texts in C. */
export function faultOfByteStrings(bytes: Uint8Array, count: number): ByteStringsFault | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const plain = isAscii(bytes);
  let offset = 0;
  let found = 0;
  for (; offset < bytes.byteLength; found++) {
    const left = bytes.byteLength - offset - 4;
    if (left < 0) return { kind: 'length-cut', left: left + 4 };
    const length = view.getUint32(offset, true);
    if (length > left) return { kind: 'data-cut', expected: length, left };
    const start = offset + 4;
    offset = start + length;
    if (!plain && !isUtf8(bytes.subarray(start, offset))) return { kind: 'not-utf8', index: found };
    if (hasNul(bytes, start, offset)) return { kind: 'nul', index: found };
  }
  return found === count ? undefined : { kind: 'count', found };
}

/** Most texts are short: to look at each byte is then quicker than a view of them. */
function hasNul(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from > 64) return bytes.subarray(from, to).includes(0);
  for (let at = from; at < to; at++) if (bytes[at] === 0) return true;
  return false;
}

/** The elements of a checked BYTES tensor. */
export function decodeByteStrings(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const strings: string[] = [];
  for (let offset = 0; offset < buffer.length; ) {
    const start = offset + 4;
    offset = start + buffer.readUInt32LE(offset);
    strings.push(buffer.toString('utf8', start, offset));
  }
  return strings;
}

export function encodeByteStrings(strings: readonly string[]): Uint8Array {
  let size = 0;
  for (const text of strings) size += 4 + Buffer.byteLength(text);
  const buffer = Buffer.allocUnsafe(size);
  let offset = 0;
  for (const text of strings) {
    const length = buffer.write(text, offset + 4);
    buffer.writeUInt32LE(length, offset);
    offset += 4 + length;
  }
  return buffer;
}

/** Byte offsets at which each run of `elements` elements begins, and the end: `runs + 1` numbers. */
export function byteStringOffsets(bytes: Uint8Array, elements: readonly number[]): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const offsets = [0];
  let offset = 0;
  for (const count of elements) {
    for (let i = 0; i < count; i++) offset += 4 + view.getUint32(offset, true);
    offsets.push(offset);
  }
  return offsets;
}
