import type { Room } from '@relearn/sqlite';
import type { CommittedPosition, LogEntry, LogStorage, LogTopic, Shard, ShardState } from '../core/log.js';
import type { Position, ReadLimits } from '../port.js';
import type { BusOperations } from './operations.js';
import { pack, unpack } from './packing.js';

/** Bytes of values above which the appends of one tick are sent without waiting for more. */
const fullBytes = 4 * 1024 * 1024;

/** Keeps the log in the engine's database. The appends of one tick travel, succeed and fail together. */
export class EmbeddedLog implements LogStorage {
  private readonly room: Room<BusOperations>;
  private waiting: LogEntry[] = [];
  private waitingBytes = 0;
  private sending: Promise<void> | undefined;
  private send: () => void = () => undefined;

  constructor(room: Room<BusOperations>) {
    this.room = room;
  }

  append(entries: readonly LogEntry[]): Promise<void> {
    for (const entry of entries) {
      this.waiting.push(entry);
      this.waitingBytes += entry.value.byteLength;
    }
    const sent = this.sending ?? this.nextSending();
    if (this.waitingBytes >= fullBytes) this.send();
    return sent;
  }

  async read(shard: Shard, from: Position, limits: ReadLimits): Promise<readonly LogEntry[]> {
    return unpack(await this.room.call('read', { shard, from, ...limits }));
  }

  positionAt(shard: Shard, first: Position, wallMs: number): Promise<Position | null> {
    return this.room.call('positionAt', { shard, first, wallMs });
  }

  declare(topics: readonly LogTopic[]): Promise<void> {
    return this.room.call('declare', topics);
  }

  commit(committed: CommittedPosition): Promise<void> {
    return this.room.call('commit', committed);
  }

  advance(state: ShardState): Promise<void> {
    return this.room.call('advance', state);
  }

  remove(shard: Shard, below: Position, limit: number): Promise<number> {
    return this.room.call('remove', { shard, below, limit });
  }

  private nextSending(): Promise<void> {
    this.sending = new Promise((resolve) => {
      this.send = () => {
        if (this.waiting.length === 0) return;
        const entries = this.waiting;
        this.waiting = [];
        this.waitingBytes = 0;
        this.sending = undefined;
        const packed = pack(entries);
        resolve(this.room.call('append', packed, [packed.bytes.buffer]));
      };
      const { send } = this;
      queueMicrotask(() => {
        // Unless it was sent before, being full.
        if (this.send === send) send();
      });
    });
    return this.sending;
  }
}
