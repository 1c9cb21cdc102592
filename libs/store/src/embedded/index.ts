import { RelearnError } from '@relearn/kernel';
import { builtModule, type SqliteEngine } from '@relearn/sqlite';
import { checkCollection, checkId, checkList, decodeBody, encodeBody } from '../core/documents.js';
import type { Document, Json, Store } from '../port.js';
import type { StoreOperations, StoredDocument } from './operations.js';

/**
 * Documents in the engine's database, for one process: a write is durable when it resolves (also against a loss of power
 * if the engine is durable). Closing the store leaves the engine open. One store an engine.
 */
export async function openEmbeddedStore(engine: SqliteEngine): Promise<Store> {
  const room = await engine.use<StoreOperations>('store', builtModule('./operations.js', import.meta.url));
  let closed = false;

  const target = (collection: string, id: string) => {
    if (closed) throw new RelearnError('UNAVAILABLE', 'the store is closed');
    checkId(collection, id);
    return { collection, id };
  };
  const write = (collection: string, id: string, body: Json) => ({
    ...target(collection, id),
    text: encodeBody(collection, id, body),
  });

  return {
    features: { name: 'embedded', durability: { process: true, power: engine.durable } },
    async ensureCollections(specs) {
      if (closed) throw new RelearnError('UNAVAILABLE', 'the store is closed');
      for (const spec of specs) checkCollection(spec);
      await room.call('ensure', specs);
    },
    async get(collection, id) {
      const found = await room.call('get', target(collection, id));
      return found === null ? null : documentOf(found);
    },
    async create(collection, id, body) {
      return { id, version: await room.call('create', write(collection, id, body)), body };
    },
    async replace(collection, id, version, body) {
      return { id, version: await room.call('replace', { ...write(collection, id, body), version }), body };
    },
    async put(collection, id, body) {
      return { id, version: await room.call('put', write(collection, id, body)), body };
    },
    async remove(collection, id) {
      await room.call('remove', target(collection, id));
    },
    async list(collection, options) {
      if (closed) throw new RelearnError('UNAVAILABLE', 'the store is closed');
      checkList(collection, options);
      return (await room.call('list', { ...options, collection })).map(documentOf);
    },
    async close() {
      closed = true;
    },
  };
}

function documentOf({ id, version, text }: StoredDocument): Document {
  return { id, version, body: decodeBody(text) };
}
