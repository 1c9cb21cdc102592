import type { OpenOperations, Sql } from '@relearn/sqlite';
import { decodeBody } from '../core/documents.js';
import { otherVersion, takenId, takenValue, uniqueValues, unknownCollection } from '../core/unique.js';
import type { CollectionSpec, ListOptions } from '../port.js';

// Runs in the worker that owns the database. Bodies stay JSON text here; only unique paths are looked up in them.

export interface Target {
  readonly collection: string;
  readonly id: string;
}

export interface Write extends Target {
  readonly text: string;
}

export interface StoredDocument {
  readonly id: string;
  readonly version: number;
  readonly text: string;
}

export interface StoreOperations {
  ensure(specs: readonly CollectionSpec[]): void;
  get(target: Target): StoredDocument | null;
  /** These three answer the version that they wrote. */
  create(write: Write): number;
  replace(write: Write & { readonly version: number }): number;
  put(write: Write): number;
  remove(target: Target): void;
  list(query: ListOptions & { readonly collection: string }): StoredDocument[];
}

interface Collection {
  readonly number: number;
  readonly unique: readonly string[];
}

const schema = `
  CREATE TABLE IF NOT EXISTS store_collection (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, unique_paths TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS store_document (
    collection INTEGER NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (collection, id)
  );
  CREATE TABLE IF NOT EXISTS store_unique (
    collection INTEGER NOT NULL, path TEXT NOT NULL, value TEXT NOT NULL, id TEXT NOT NULL,
    PRIMARY KEY (collection, path, value)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS store_unique_of_document ON store_unique (collection, id);
`;

export const open: OpenOperations<StoreOperations> = (sql) => {
  sql.exec(schema);
  const collections = collectionsIn(sql);
  return {
    ensure: (specs) => {
      for (const spec of specs) collections.declare(spec);
    },
    ...readOperations(sql, collections),
    ...writeOperations(sql, collections),
  };
};

type Collections = ReturnType<typeof collectionsIn>;

type Row = readonly [number: number, unique: string, version: number | null];

/** Collections are looked up with each use: what a call that was rolled back has declared must not be remembered. */
function collectionsIn(sql: Sql) {
  const find = sql
    .prepare(
      `SELECT c.number, c.unique_paths, d.version FROM store_collection AS c
       LEFT JOIN store_document AS d ON d.collection = c.number AND d.id = ?2 WHERE c.name = ?1`,
    )
    .raw();
  const insert = sql.prepare('INSERT INTO store_collection (name, unique_paths) VALUES (?, ?)');
  const update = sql.prepare('UPDATE store_collection SET unique_paths = ? WHERE number = ?');
  const forget = sql.prepare('DELETE FROM store_unique WHERE collection = ?');
  const bodies = sql.prepare('SELECT id, body FROM store_document WHERE collection = ?').raw();
  const index = uniqueIndex(sql);

  const rowOf = (name: string, id: string) => find.get([name, id]) as Row | undefined;

  return {
    index,
    /** The collection and the version that the document has in it, if it is there. */
    find(name: string, id: string): { readonly collection: Collection; readonly version: number | null } {
      const row = rowOf(name, id);
      if (row === undefined) throw unknownCollection(name);
      const [number, unique, version] = row;
      return { collection: { number, unique: unique === '[]' ? [] : (JSON.parse(unique) as string[]) }, version };
    },
    declare({ name, unique = [] }: CollectionSpec): void {
      const text = JSON.stringify(unique);
      const row = rowOf(name, '');
      if (row === undefined) {
        insert.run([name, text]);
        return;
      }
      const [number, before] = row;
      if (before === text) return;
      forget.run([number]);
      update.run([text, number]);
      for (const [id, body] of bodies.all([number]) as (readonly [string, string])[]) {
        index.take(name, { number, unique }, id, body);
      }
    },
  };
}

function uniqueIndex(sql: Sql) {
  const holder = sql.prepare('SELECT id FROM store_unique WHERE collection = ? AND path = ? AND value = ?').raw();
  const insert = sql.prepare('INSERT INTO store_unique (collection, path, value, id) VALUES (?, ?, ?, ?)');
  const remove = sql.prepare('DELETE FROM store_unique WHERE collection = ? AND id = ?');
  return {
    release(collection: Collection, id: string): void {
      if (collection.unique.length > 0) remove.run([collection.number, id]);
    },
    /** Throws ALREADY_EXISTS for a value that another document holds; the document's own former values are released before. */
    take(name: string, collection: Collection, id: string, text: string): void {
      if (collection.unique.length === 0) return;
      for (const entry of uniqueValues(collection.unique, decodeBody(text))) {
        const row = holder.get([collection.number, entry.path, entry.value]) as readonly [string] | undefined;
        if (row !== undefined) throw takenValue(name, entry, row[0]);
        insert.run([collection.number, entry.path, entry.value, id]);
      }
    },
  };
}

function readOperations(sql: Sql, collections: Collections): Pick<StoreOperations, 'get' | 'list'> {
  const body = sql.prepare('SELECT body FROM store_document WHERE collection = ? AND id = ?').raw();
  const page = sql
    .prepare(
      'SELECT id, version, body FROM store_document WHERE collection = ? AND id > ? AND id >= ? ORDER BY id LIMIT ?',
    )
    .raw();
  return {
    get({ collection: name, id }) {
      const { collection, version } = collections.find(name, id);
      if (version === null) return null;
      const [text] = body.get([collection.number, id]) as readonly [string];
      return { id, version, text };
    },
    list({ collection: name, prefix = '', after = '', limit }) {
      const { collection } = collections.find(name, '');
      const rows = page.all([collection.number, after, prefix, limit]) as (readonly [string, number, string])[];
      // Ids with the prefix follow one another from the prefix on.
      const end = rows.findIndex(([id]) => !id.startsWith(prefix));
      return (end === -1 ? rows : rows.slice(0, end)).map(([id, version, text]) => ({ id, version, text }));
    },
  };
}

function writeOperations(
  sql: Sql,
  collections: Collections,
): Pick<StoreOperations, 'create' | 'replace' | 'put' | 'remove'> {
  const insert = sql.prepare('INSERT INTO store_document (collection, id, version, body) VALUES (?, ?, 1, ?)');
  const update = sql.prepare('UPDATE store_document SET version = ?, body = ? WHERE collection = ? AND id = ?');
  const remove = sql.prepare('DELETE FROM store_document WHERE collection = ? AND id = ?');

  const write = ({ collection: name, id, text }: Write, accept: (found: number | null) => void): number => {
    const { collection, version } = collections.find(name, id);
    accept(version);
    collections.index.release(collection, id);
    collections.index.take(name, collection, id, text);
    if (version === null) insert.run([collection.number, id, text]);
    else update.run([version + 1, text, collection.number, id]);
    return (version ?? 0) + 1;
  };

  return {
    create: (request) =>
      write(request, (found) => {
        if (found !== null) throw takenId(request.collection, request.id);
      }),
    replace: (request) =>
      write(request, (found) => {
        if (found !== request.version) throw otherVersion(request.collection, request.id, request.version, found);
      }),
    put: (request) => write(request, () => undefined),
    remove({ collection: name, id }) {
      const { collection } = collections.find(name, id);
      collections.index.release(collection, id);
      remove.run([collection.number, id]);
    },
  };
}
