import type { LogEntry, Shard } from '../core/log.js';

/** Entries as they travel between threads: few objects, one block of bytes. */
export interface Packed {
  readonly shards: readonly Shard[];
  readonly positions: readonly number[];
  readonly times: readonly number[];
  readonly heads: readonly string[];
  /** Where each value ends in `bytes`; the next one begins there. */
  readonly ends: readonly number[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export function pack(entries: readonly LogEntry[]): Packed {
  let length = 0;
  const ends = entries.map(({ value }) => {
    length += value.byteLength;
    return length;
  });
  const bytes = new Uint8Array(length);
  for (const [index, { value }] of entries.entries()) bytes.set(value, (ends[index] ?? 0) - value.byteLength);
  return {
    shards: entries.map(({ shard }) => shard),
    positions: entries.map(({ position }) => position),
    times: entries.map(({ appendedAt }) => appendedAt),
    heads: entries.map(({ head }) => head),
    ends,
    bytes,
  };
}

export function unpack({ shards, positions, times, heads, ends, bytes }: Packed): LogEntry[] {
  return heads.map((head, index) => ({
    shard: shards[index] ?? 0,
    position: positions[index] ?? 0,
    appendedAt: times[index] ?? 0,
    head,
    value: bytes.subarray(index === 0 ? 0 : ends[index - 1], ends[index]),
  }));
}
