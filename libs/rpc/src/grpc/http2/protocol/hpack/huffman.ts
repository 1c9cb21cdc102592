import { Http2Fault, faults } from '../faults.js';

/** Bits of each byte's code; the code is canonical, so no more need be known (RFC 7541, appendix B). */
const codeBits = `
  13 23 28 28 28 28 28 28 28 24 30 28 28 30 28 28 28 28 28 28 28 28 30 28 28 28 28 28 28 28 28 28
  6 10 10 12 13 6 8 11 10 10 8 11 8 6 6 6 5 5 5 6 6 6 6 6 6 6 7 8 15 6 12 10
  13 6 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 8 7 8 13 19 13 14 6
  15 5 6 5 6 5 6 6 6 5 7 7 6 6 6 5 6 7 6 5 5 6 7 7 7 7 7 15 11 14 13 28
  20 22 20 20 22 22 22 23 22 23 23 23 23 23 24 23 24 24 22 23 24 23 23 23 23 21 22 23 22 23 23 24
  22 21 20 22 22 23 23 21 23 22 22 24 21 22 23 23 21 21 22 21 23 22 23 23 20 22 22 22 23 22 22 23
  26 26 20 19 22 23 22 25 26 26 26 27 27 26 24 25 19 21 26 27 27 26 27 24 21 21 26 26 28 27 27 27
  20 24 20 21 22 21 21 23 22 22 25 25 24 24 26 23 26 27 26 26 27 27 27 27 27 28 27 27 27 27 27 26`;
const endOfString = 256;
const endOfStringBits = 30;

/** A node of the tree is the place of its two children; a child is a node, or a leaf: a symbol counted down from -1. */
const tree = treeOf([...codeBits.trim().split(/\s+/).map(Number), endOfStringBits]);

function treeOf(bits: readonly number[]): Int16Array {
  const symbols = [...bits.keys()].sort((a, b) => at(bits, a) - at(bits, b) || a - b);
  const nodes = new Int16Array(2 * bits.length);
  let [size, code, length] = [2, 0, at(bits, symbols[0] ?? 0)];
  for (const symbol of symbols) {
    code <<= at(bits, symbol) - length;
    length = at(bits, symbol);
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const child = node + ((code >> bit) & 1);
      if (nodes[child] === 0) {
        nodes[child] = size;
        size += 2;
      }
      node = nodes[child] ?? 0;
    }
    nodes[node + (code & 1)] = -1 - symbol;
    code++;
  }
  return nodes;
}

function at(values: readonly number[], index: number): number {
  return values[index] ?? 0;
}

/** The text of a Huffman-coded string, a character a byte. Throws a COMPRESSION_ERROR. */
export function unhuffed(bytes: Uint8Array): string {
  let text = '';
  let node = 0;
  /** Bits since the last symbol, and whether all of them were ones: such may pad the last byte. */
  let [pending, ones] = [0, true];
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      const set = (byte >> bit) & 1;
      const next = tree[node + set] ?? 0;
      pending++;
      ones &&= set === 1;
      if (next >= 0) {
        node = next;
        continue;
      }
      const symbol = -1 - next;
      if (symbol === endOfString) throw new Http2Fault(faults.compression, 'the end of a string within it');
      text += String.fromCharCode(symbol);
      [node, pending, ones] = [0, 0, true];
    }
  }
  if (pending > 7 || !ones) throw new Http2Fault(faults.compression, 'a string is padded with other than ones');
  return text;
}
