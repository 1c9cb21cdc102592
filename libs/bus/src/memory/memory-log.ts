import { cutBatch, lowest } from '../core/batch.js';
import type { LogEntry, LogStorage, Shard } from '../core/log.js';
import type { Position, ReadLimits } from '../port.js';

/** Keeps entries in arrays, one a shard; nothing survives the process. */
export class MemoryLog implements LogStorage {
  private readonly shards = new Map<Shard, LogEntry[]>();

  append(entries: readonly LogEntry[]): Promise<void> {
    for (const entry of entries) {
      const kept = this.shards.get(entry.shard);
      if (kept === undefined) this.shards.set(entry.shard, [entry]);
      else kept.push(entry);
    }
    return Promise.resolve();
  }

  read(shard: Shard, from: Position, limits: ReadLimits): Promise<readonly LogEntry[]> {
    return Promise.resolve(cutBatch(this.shards.get(shard) ?? [], from, limits));
  }

  positionAt(shard: Shard, first: Position, wallMs: number): Promise<Position | null> {
    const kept = this.shards.get(shard) ?? [];
    const index = lowest(kept, (entry) => entry.position >= first && entry.appendedAt >= wallMs);
    return Promise.resolve(kept[index]?.position ?? null);
  }

  remove(shard: Shard, below: Position, limit: number): Promise<number> {
    const kept = this.shards.get(shard) ?? [];
    const old = lowest(kept, (entry) => entry.position >= below);
    return Promise.resolve(kept.splice(0, Math.min(limit, old)).length);
  }

  /** The bus itself knows topics, committed positions and where partitions begin: nothing else has to survive here. */
  declare = () => Promise.resolve();
  commit = () => Promise.resolve();
  advance = () => Promise.resolve();
}
