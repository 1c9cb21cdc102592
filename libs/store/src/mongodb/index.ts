import { RelearnError } from '@relearn/kernel';
import type { Mongo } from '@relearn/mongodb';
import type { Collection, Filter } from 'mongodb';
import { checkCollection, checkId, checkList, decodeBody, encodeBody } from '../core/documents.js';
import { otherVersion, takenId, takenValue, type UniqueValue, uniqueValues } from '../core/unique.js';
import type { CollectionSpec, Document, Json, ListOptions, Store } from '../port.js';
import { Collections, collectionOf } from './collections.js';
import { endOfPrefix, type Kept, uniqueField, uniqueFields, uniqueText } from './documents.js';

type Fields = Omit<Kept, '_id' | 'version'>;

/** So often a write that lost a race for an id or a unique value is tried again before the caller has to. */
const tries = 20;

/**
 * Documents in MongoDB or a server that speaks its protocol, for any number of processes: by atomic operations on one
 * document and unique indexes alone. A collection is known to the store that has declared it. Closing the store leaves the
 * client open.
 */
export function openMongoStore(mongo: Mongo): Store {
  return new MongoStore(mongo);
}

class MongoStore implements Store {
  // A write is acknowledged when a majority has it in its journal.
  readonly features = { name: 'mongodb', durability: { process: true, power: true } };
  private readonly mongo: Mongo;
  private readonly collections: Collections;
  private closed = false;

  constructor(mongo: Mongo) {
    this.mongo = mongo;
    this.collections = new Collections(mongo);
  }

  async ensureCollections(specs: readonly CollectionSpec[]): Promise<void> {
    this.checkOpen();
    for (const spec of specs) checkCollection(spec);
    await this.collections.declare(specs);
  }

  async get(collection: string, id: string): Promise<Document | null> {
    this.check(collection, id);
    const kept = await this.run(collection, (documents) => documents.findOne({ _id: id }));
    return kept === null ? null : documentOf(kept);
  }

  async create(collection: string, id: string, body: Json): Promise<Document> {
    const insert = async (documents: Collection<Kept>, fields: Fields) => {
      await documents.insertOne({ _id: id, version: 1, ...fields });
    };
    await this.write(collection, id, body, insert, async () => {
      if ((await this.versionOf(collection, id)) !== null) throw takenId(collection, id);
    });
    return { id, version: 1, body };
  }

  async replace(collection: string, id: string, version: number, body: Json): Promise<Document> {
    const found = await this.write(collection, id, body, (documents, $set) =>
      documents.updateOne({ _id: id, version }, { $set, $inc: { version: 1 } }),
    );
    if (found.matchedCount > 0) return { id, version: version + 1, body };
    throw otherVersion(collection, id, version, await this.versionOf(collection, id));
  }

  async put(collection: string, id: string, body: Json): Promise<Document> {
    const written = await this.write(collection, id, body, (documents, $set) => {
      const options = { upsert: true, returnDocument: 'after' } as const;
      return documents.findOneAndUpdate({ _id: id }, { $set, $inc: { version: 1 } }, options);
    });
    if (written === null) throw new RelearnError('STORAGE_FAILED', `${collection}/${id}: an upsert wrote nothing`);
    return { id, version: written.version, body };
  }

  async remove(collection: string, id: string): Promise<void> {
    this.check(collection, id);
    await this.run(collection, (documents) => documents.deleteOne({ _id: id }));
  }

  async list(collection: string, options: ListOptions): Promise<Document[]> {
    this.checkOpen();
    checkList(collection, options);
    this.collections.pathsOf(collection);
    const { limit } = options;
    const kept = await this.run(collection, (documents) =>
      documents.find(idsWithin(options), { sort: { _id: 1 }, limit }).toArray(),
    );
    return kept.map(documentOf);
  }

  health(): RelearnError | null {
    return this.mongo.health();
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  /**
   * A write that meets a unique index: which one, not every server says, and FerretDB calls an update's an internal error. So
   * the holder is looked for; where nobody holds the value any more, the write is tried again.
   */
  private async write<T>(
    collection: string,
    id: string,
    body: Json,
    work: (documents: Collection<Kept>, fields: Fields) => Promise<T>,
    refuse: () => Promise<void> = async () => undefined,
  ): Promise<T> {
    const paths = this.check(collection, id);
    const fields = { body: encodeBody(collection, id, body), ...uniqueFields(paths, id, body) };
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.run(collection, (documents) => work(documents, fields));
      } catch (thrown) {
        const { code } = RelearnError.from(thrown);
        if (code !== 'ALREADY_EXISTS' && code !== 'STORAGE_FAILED') throw thrown;
        await refuse();
        await this.refuseTaken(collection, id, uniqueValues(paths, body));
        if (code === 'STORAGE_FAILED' || attempt === tries) throw thrown;
      }
    }
  }

  private async refuseTaken(collection: string, id: string, values: readonly UniqueValue[]): Promise<void> {
    for (const entry of values) {
      const filter = { [uniqueField(entry.path)]: uniqueText(entry.value), _id: { $ne: id } };
      const holder = await this.run(collection, (documents) => documents.findOne(filter));
      if (holder !== null) throw takenValue(collection, entry, holder._id);
    }
  }

  private async versionOf(collection: string, id: string): Promise<number | null> {
    const options = { projection: { version: 1 } };
    const found = await this.run(collection, (documents) => documents.findOne({ _id: id }, options));
    return found?.version ?? null;
  }

  private run<T>(collection: string, work: (documents: Collection<Kept>) => Promise<T>): Promise<T> {
    return this.mongo.run(collection, (database) => work(collectionOf(database, collection)));
  }

  /** The collection's unique paths. */
  private check(collection: string, id: string): readonly string[] {
    this.checkOpen();
    checkId(collection, id);
    return this.collections.pathsOf(collection);
  }

  private checkOpen(): void {
    if (this.closed) throw new RelearnError('UNAVAILABLE', 'the store is closed');
  }
}

function documentOf({ _id, version, body }: Kept): Document {
  return { id: _id, version, body: decodeBody(body) };
}

function idsWithin({ prefix = '', after = '' }: ListOptions): Filter<Kept> {
  const end = endOfPrefix(prefix);
  return { _id: { $gt: after, $gte: prefix, ...(end !== null && { $lt: end }) } };
}
