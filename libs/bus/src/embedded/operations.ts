import type { OpenOperations, Sql } from '@relearn/sqlite';
import { fitting } from '../core/batch.js';
import type { CommittedPosition, LogContents, LogTopic, Shard, ShardState } from '../core/log.js';
import type { Position, ReadLimits } from '../port.js';
import { type Packed, pack, unpack } from './packing.js';

// Runs in the worker that owns the database.

export interface ReadRange extends ReadLimits {
  readonly shard: Shard;
  readonly from: Position;
}

export interface TimeQuery {
  readonly shard: Shard;
  readonly first: Position;
  readonly wallMs: number;
}

export interface Removal {
  readonly shard: Shard;
  readonly below: Position;
  readonly limit: number;
}

export interface BusOperations {
  load(input: null): LogContents;
  declare(topics: readonly LogTopic[]): void;
  append(entries: Packed): void;
  read(range: ReadRange): Packed;
  positionAt(query: TimeQuery): Position | null;
  commit(committed: CommittedPosition): void;
  advance(state: ShardState): void;
  remove(removal: Removal): number;
}

/** A record's key is one integer, its shard above its position: 13 and 40 bits, exact in a double. */
const positionsOfShard = 2 ** 40;

const schema = `
  CREATE TABLE IF NOT EXISTS bus_topic (
    name TEXT PRIMARY KEY, first_shard INTEGER NOT NULL, partitions INTEGER NOT NULL, retention_ms REAL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS bus_record (
    id INTEGER PRIMARY KEY, appended_at REAL NOT NULL, size INTEGER NOT NULL, head TEXT NOT NULL, value BLOB NOT NULL
  );
  CREATE TABLE IF NOT EXISTS bus_start (
    shard INTEGER PRIMARY KEY, first INTEGER NOT NULL, next INTEGER NOT NULL, last_appended_at REAL NOT NULL
  );
  CREATE TABLE IF NOT EXISTS bus_commit (
    committer TEXT NOT NULL, shard INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (committer, shard)
  ) WITHOUT ROWID;
`;

type RecordRow = readonly [id: number, appendedAt: number, head: string, value: ArrayBuffer];

export const open: OpenOperations<BusOperations> = (sql) => {
  sql.exec(schema);
  return { ...stateOperations(sql), ...recordOperations(sql), ...retentionOperations(sql) };
};

function recordOperations(sql: Sql): Pick<BusOperations, 'append' | 'read' | 'positionAt'> {
  const insert = sql.prepare('INSERT INTO bus_record (id, appended_at, size, head, value) VALUES (?, ?, ?, ?, ?)');
  // One row for all sizes: a row a record would cost more than the records themselves.
  const sizes = sql
    .prepare(
      'SELECT group_concat(size) FROM (SELECT size FROM bus_record WHERE id >= ? AND id < ? ORDER BY id LIMIT ?)',
    )
    .raw();
  const select = sql
    .prepare('SELECT id, appended_at, head, value FROM bus_record WHERE id >= ? AND id < ? ORDER BY id LIMIT ?')
    .raw();
  const probe = sql
    .prepare('SELECT id, appended_at FROM bus_record WHERE id >= ? AND id < ? ORDER BY id LIMIT 1')
    .raw();

  return {
    append(packed) {
      for (const { shard, position, appendedAt, head, value } of unpack(packed)) {
        insert.run([
          shard * positionsOfShard + position,
          appendedAt,
          Buffer.byteLength(head) + value.byteLength,
          head,
          value,
        ]);
      }
    },
    read({ shard, from, maxRecords, maxBytes }) {
      const base = shard * positionsOfShard;
      const [found] = sizes.get([base + from, base + positionsOfShard, maxRecords]) as readonly [string | null];
      if (found === null) return pack([]);
      const count = fitting(found.split(',').map(Number), maxBytes);
      const rows = select.all([base + from, base + positionsOfShard, count]) as RecordRow[];
      return pack(
        rows.map(([id, appendedAt, head, value]) => ({
          shard,
          position: id - base,
          appendedAt,
          head,
          value: new Uint8Array(value),
        })),
      );
    },
    positionAt({ shard, first, wallMs }) {
      const base = shard * positionsOfShard;
      // Times never fall within a shard: halving needs 40 looks at most.
      let low = base + first;
      let high = base + positionsOfShard;
      let found: number | null = null;
      while (low < high) {
        const middle = Math.floor((low + high) / 2);
        const row = probe.get([middle, high]) as readonly [number, number] | undefined;
        if (row === undefined) high = middle;
        else if (row[1] >= wallMs) {
          found = row[0];
          high = middle;
        } else low = row[0] + 1;
      }
      return found === null ? null : found - base;
    },
  };
}

function stateOperations(sql: Sql): Pick<BusOperations, 'load' | 'declare' | 'commit'> {
  const topics = sql.prepare(
    'SELECT name, first_shard AS firstShard, partitions, retention_ms AS retentionMs FROM bus_topic ORDER BY first_shard',
  );
  const start = sql.prepare('SELECT first, next, last_appended_at FROM bus_start WHERE shard = ?').raw();
  const last = sql
    .prepare('SELECT id, appended_at FROM bus_record WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 1')
    .raw();
  const committed = sql.prepare('SELECT committer AS "group", shard, position FROM bus_commit');
  const declare = sql.prepare(
    `INSERT INTO bus_topic (name, first_shard, partitions, retention_ms) VALUES (?, ?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET retention_ms = excluded.retention_ms`,
  );
  const commit = sql.prepare(
    `INSERT INTO bus_commit (committer, shard, position) VALUES (?, ?, ?)
     ON CONFLICT (committer, shard) DO UPDATE SET position = excluded.position`,
  );

  const stateOf = (shard: Shard): ShardState => {
    const base = shard * positionsOfShard;
    const [first, next, before] = (start.get([shard]) ?? [0, 0, 0]) as readonly [number, number, number];
    const [id, appendedAt] = (last.get([base, base + positionsOfShard]) ?? [base - 1, 0]) as readonly [number, number];
    return { shard, first, end: Math.max(next, id - base + 1), lastAppendedAt: Math.max(before, appendedAt) };
  };

  return {
    load() {
      const known = topics.all([]) as LogTopic[];
      const shards = known.flatMap(({ firstShard, partitions }) =>
        Array.from({ length: partitions }, (_, partition) => stateOf(firstShard + partition)),
      );
      return { topics: known, shards, committed: committed.all([]) as CommittedPosition[] };
    },
    declare(changed) {
      for (const topic of changed) declare.run([topic.name, topic.firstShard, topic.partitions, topic.retentionMs]);
    },
    commit({ group, shard, position }) {
      commit.run([group, shard, position]);
    },
  };
}

function retentionOperations(sql: Sql): Pick<BusOperations, 'advance' | 'remove'> {
  const advance = sql.prepare(
    `INSERT INTO bus_start (shard, first, next, last_appended_at) VALUES (?, ?, ?, ?)
     ON CONFLICT (shard) DO UPDATE SET
       first = excluded.first, next = excluded.next, last_appended_at = excluded.last_appended_at`,
  );
  const remove = sql.prepare(
    'DELETE FROM bus_record WHERE id IN (SELECT id FROM bus_record WHERE id >= ? AND id < ? ORDER BY id LIMIT ?)',
  );
  return {
    advance({ shard, first, end, lastAppendedAt }) {
      advance.run([shard, first, end, lastAppendedAt]);
    },
    remove({ shard, below, limit }) {
      const base = shard * positionsOfShard;
      return remove.run([base, base + below, limit]).changes;
    },
  };
}
