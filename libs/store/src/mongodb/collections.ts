import type { Mongo } from '@relearn/mongodb';
import type { Collection, Db } from 'mongodb';
import { decodeBody } from '../core/documents.js';
import { takenValue, uniqueValues, unknownCollection } from '../core/unique.js';
import type { CollectionSpec } from '../port.js';
import { type Kept, uniqueField, uniqueFields } from './documents.js';

/** NamespaceExists: another process was quicker. */
const namespaceExists = 48;

/** A collection of the port has a prefix of its own: GridFS and others live in the same database. */
export function collectionOf(database: Db, name: string): Collection<Kept> {
  return database.collection<Kept>(`store.${name}`);
}

/**
 * Declared collections. The unique indexes of the database say which paths are unique in it: an index is made last, when
 * every document has the field, so a declaration that was cut off is made again. Processes that use a collection at once
 * declare the same.
 */
export class Collections {
  private readonly mongo: Mongo;
  private readonly paths = new Map<string, readonly string[]>();

  constructor(mongo: Mongo) {
    this.mongo = mongo;
  }

  /** The unique paths of a collection; NOT_FOUND before it was declared. */
  pathsOf(name: string): readonly string[] {
    const paths = this.paths.get(name);
    if (paths === undefined) throw unknownCollection(name);
    return paths;
  }

  async declare(specs: readonly CollectionSpec[]): Promise<void> {
    const changes = await Promise.all(specs.map((spec) => this.compare(spec)));
    // Before anything changes: what any of them refuses changes none.
    for (const { name, added } of changes) if (added.length > 0) await this.check(name, added);
    for (const { name, paths, added, dropped } of changes) {
      if (added.length > 0) await this.fill(name, paths);
      await this.mongo.run(name, async (database) => {
        const kept = collectionOf(database, name);
        for (const path of added) await kept.createIndex({ [uniqueField(path)]: 1 }, { unique: true });
        for (const index of dropped) await kept.dropIndex(index);
      });
      this.paths.set(name, paths);
    }
  }

  /** Makes the collection, and says which indexes are missing and which are not wanted any more. */
  private compare({ name, unique = [] }: CollectionSpec) {
    return this.mongo.run(name, async (database) => {
      await database.createCollection(`store.${name}`).catch((thrown: unknown) => {
        if (!(thrown instanceof Error && 'code' in thrown && thrown.code === namespaceExists)) throw thrown;
      });
      const indexes = await collectionOf(database, name).indexes();
      const fields = indexes.flatMap(({ name: index, key }) => {
        const [field] = Object.keys(key);
        return index !== undefined && field?.startsWith('unique_') ? [{ index, field }] : [];
      });
      const wanted = new Set<string>(unique.map(uniqueField));
      const found = new Set(fields.map(({ field }) => field));
      const added = unique.filter((path) => !found.has(uniqueField(path)));
      const dropped = fields.filter(({ field }) => !wanted.has(field)).map(({ index }) => index);
      return { name, paths: unique, added, dropped };
    });
  }

  private async check(name: string, added: readonly string[]): Promise<void> {
    const holders = new Map<string, string>();
    for await (const { _id, body } of this.all(name)) {
      for (const entry of uniqueValues(added, decodeBody(body))) {
        const key = `${entry.path} ${entry.value}`;
        const holder = holders.get(key);
        if (holder !== undefined) throw takenValue(name, entry, holder);
        holders.set(key, _id);
      }
    }
  }

  /** Gives every document its unique fields; one that changes meanwhile is looked at again. */
  private async fill(name: string, paths: readonly string[]): Promise<void> {
    for await (const first of this.all(name)) {
      for (let kept: Kept | null = first; kept !== null; ) {
        const { _id, version, body }: Kept = kept;
        const $set = uniqueFields(paths, _id, decodeBody(body));
        const done = await this.mongo.run(name, (database) =>
          collectionOf(database, name).updateOne({ _id, version }, { $set }),
        );
        if (done.matchedCount > 0) break;
        kept = await this.mongo.run(name, (database) => collectionOf(database, name).findOne({ _id }));
      }
    }
  }

  private async *all(name: string): AsyncGenerator<Kept> {
    let after = '';
    for (;;) {
      const page: Kept[] = await this.mongo.run(name, (database) =>
        collectionOf(database, name)
          .find({ _id: { $gt: after } }, { sort: { _id: 1 }, limit: 500 })
          .toArray(),
      );
      yield* page;
      const last = page.at(-1);
      if (last === undefined) return;
      after = last._id;
    }
  }
}
