import type { Position, ReadLimits } from '../port.js';
import type { CommittedPosition, LogEntry, LogStorage, Shard, ShardState } from '../core/log.js';
import { recordBytes } from '../core/records.js';

/** Keeps entries in arrays, one a shard; nothing survives the process. */
export class MemoryLog implements LogStorage {
  private readonly shards = new Map<Shard, LogEntry[]>();

  declare(): Promise<void> {
    return Promise.resolve();
  }

  append(entries: readonly LogEntry[]): Promise<void> {
    for (const entry of entries) {
      const kept = this.shards.get(entry.shard);
      const own = { ...entry, value: Uint8Array.from(entry.value) };
      if (kept === undefined) this.shards.set(entry.shard, [own]);
      else kept.push(own);
    }
    return Promise.resolve();
  }

  read(shard: Shard, from: Position, { maxRecords, maxBytes }: ReadLimits): Promise<readonly LogEntry[]> {
    const kept = this.shards.get(shard) ?? [];
    const start = lowest(kept, (entry) => entry.position >= from);
    let end = start;
    let bytes = 0;
    while (end < kept.length && end - start < maxRecords) {
      const entry = kept[end];
      if (entry === undefined) break;
      bytes += recordBytes(entry.head, entry.value);
      if (end > start && bytes > maxBytes) break;
      end += 1;
    }
    return Promise.resolve(kept.slice(start, end));
  }

  positionAt(shard: Shard, first: Position, wallMs: number): Promise<Position | null> {
    const kept = this.shards.get(shard) ?? [];
    const index = lowest(kept, (entry) => entry.position >= first && entry.appendedAt >= wallMs);
    return Promise.resolve(kept[index]?.position ?? null);
  }

  commit(_committed: CommittedPosition): Promise<void> {
    return Promise.resolve();
  }

  advance(_state: ShardState): Promise<void> {
    return Promise.resolve();
  }

  remove(shard: Shard, below: Position, limit: number): Promise<number> {
    const kept = this.shards.get(shard) ?? [];
    const count = Math.min(
      limit,
      lowest(kept, (entry) => entry.position >= below),
    );
    kept.splice(0, count);
    return Promise.resolve(count);
  }
}

/** Index of the first entry for which the condition holds, where it holds for all after that one; the length when for none. */
function lowest(entries: readonly LogEntry[], holds: (entry: LogEntry) => boolean): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = entries[middle];
    if (entry !== undefined && holds(entry)) high = middle;
    else low = middle + 1;
  }
  return low;
}
