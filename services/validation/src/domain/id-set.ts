import { hash } from 'node:crypto';
import { RelearnError } from '@relearn/kernel';

const idBytes = 16;
const idWords = idBytes / 4;
/** Ids of a part that still grows, and of one that is final: 128 KiB and 2 MiB. */
const smallPart = 8192;
const largePart = 131_072;

/** First id and length of each part that a set of so many ids is kept in: large parts, then small ones, the last not full. */
function layout(count: number): Map<number, number> {
  const parts = new Map<number, number>();
  const large = count - (count % largePart);
  for (let start = 0; start < large; start += largePart) parts.set(start, largePart);
  for (let start = large; start < count; start += smallPart) parts.set(start, Math.min(smallPart, count - start));
  return parts;
}

/**
 * Ids that have been seen, for ever: 128 bits of SHA-256 each, in the order in which they came, with an index over
 * them (about 24 bytes an id in memory). That two different ids of a set of n are taken for one has odds of n²/2^129:
 * less than 10^-20 for a billion. Kept as parts that only grow at the end, as in a log-structured merge tree: each
 * id is written a bounded number of times, however many there are.
 */
export class IdSet {
  private bytes = new Uint8Array(1024 * idBytes);
  private words = new Uint32Array(this.bytes.buffer);
  /** Ordinal of an id plus one; 0 is free. A power of two, at most three quarters full. */
  private slots = new Uint32Array(2048);
  private count = 0;
  private saved = 0;
  /** The digest of the id last asked for. */
  private readonly asked = new Uint8Array(idBytes);
  private readonly askedWords = new Uint32Array(this.asked.buffer);

  /** A set from its parts, by the ordinal of their first id. Throws CORRUPT when one is missing. */
  static load(parts: ReadonlyMap<number, Uint8Array>): IdSet {
    const set = new IdSet();
    for (const [start, bytes] of [...parts].sort(([a], [b]) => a - b)) {
      if (start !== set.count || bytes.length % idBytes !== 0) {
        throw new RelearnError('CORRUPT', `the ids from ${set.count} on are missing or cut`);
      }
      for (let at = 0; at < bytes.length; at += idBytes) {
        set.asked.set(bytes.subarray(at, at + idBytes));
        set.insert();
      }
    }
    set.saved = set.count;
    return set;
  }

  get size(): number {
    return this.count;
  }

  has(id: string): boolean {
    this.ask(id);
    return this.slots[this.slot()] !== 0;
  }

  /** False when the id was there already. */
  add(id: string): boolean {
    this.ask(id);
    return this.insert();
  }

  /** Parts that differ from the last save, by the ordinal of their first id; null: no longer there. */
  save(): Map<number, Uint8Array | null> {
    const before = layout(this.saved);
    const now = layout(this.count);
    const changed = new Map<number, Uint8Array | null>();
    for (const [start, length] of now) {
      if (before.get(start) !== length) {
        changed.set(start, this.bytes.slice(start * idBytes, (start + length) * idBytes));
      }
    }
    for (const start of before.keys()) if (!now.has(start)) changed.set(start, null);
    this.saved = this.count;
    return changed;
  }

  private ask(id: string): void {
    const digest = hash('sha256', id, 'binary');
    for (let i = 0; i < idBytes; i++) this.asked[i] = digest.charCodeAt(i);
  }

  /** The slot of the id asked for, or the free one where it belongs. */
  private slot(): number {
    const { slots, words, askedWords } = this;
    const mask = slots.length - 1;
    for (let slot = (askedWords[0] ?? 0) & mask; ; slot = (slot + 1) & mask) {
      const ordinal = slots[slot] ?? 0;
      if (ordinal === 0) return slot;
      const at = (ordinal - 1) * idWords;
      if (
        words[at] === askedWords[0] &&
        words[at + 1] === askedWords[1] &&
        words[at + 2] === askedWords[2] &&
        words[at + 3] === askedWords[3]
      ) {
        return slot;
      }
    }
  }

  private insert(): boolean {
    const slot = this.slot();
    if (this.slots[slot] !== 0) return false;
    if ((this.count + 1) * idBytes > this.bytes.length) this.grow();
    this.bytes.set(this.asked, this.count * idBytes);
    this.count += 1;
    this.slots[slot] = this.count;
    if (this.count * 4 > this.slots.length * 3) this.reindex();
    return true;
  }

  private grow(): void {
    const bytes = new Uint8Array(this.bytes.length * 2);
    bytes.set(this.bytes);
    this.bytes = bytes;
    this.words = new Uint32Array(bytes.buffer);
  }

  private reindex(): void {
    const slots = new Uint32Array(this.slots.length * 2);
    const mask = slots.length - 1;
    for (let ordinal = 0; ordinal < this.count; ordinal++) {
      let slot = (this.words[ordinal * idWords] ?? 0) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = ordinal + 1;
    }
    this.slots = slots;
  }
}
