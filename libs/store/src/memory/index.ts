import { RelearnError } from '@relearn/kernel';
import { checkCollection, checkId, checkList, encodeBody } from '../core/documents.js';
import { unknownCollection } from '../core/unique.js';
import type { Store } from '../port.js';
import { MemoryCollection } from './collection.js';

/** A store for tests and simulations: nothing but promises, nothing survives. */
export function createMemoryStore(): Store {
  const collections = new Map<string, MemoryCollection>();
  let closed = false;

  const collection = (name: string, id?: string): MemoryCollection => {
    if (closed) throw new RelearnError('UNAVAILABLE', 'the store is closed');
    if (id !== undefined) checkId(name, id);
    const found = collections.get(name);
    if (found === undefined) throw unknownCollection(name);
    return found;
  };

  return {
    features: { name: 'memory', durability: { process: false, power: false } },
    async ensureCollections(specs) {
      if (closed) throw new RelearnError('UNAVAILABLE', 'the store is closed');
      for (const spec of specs) checkCollection(spec);
      const changes = specs.map((spec) => {
        const known = collections.get(spec.name) ?? new MemoryCollection(spec.name);
        return { known, apply: known.declare(spec) };
      });
      for (const { known, apply } of changes) {
        collections.set(known.name, known);
        apply();
      }
    },
    async get(name, id) {
      return collection(name, id).get(id);
    },
    async create(name, id, body) {
      return { id, version: collection(name, id).create(id, encodeBody(name, id, body)), body };
    },
    async replace(name, id, version, body) {
      return { id, version: collection(name, id).replace(id, version, encodeBody(name, id, body)), body };
    },
    async put(name, id, body) {
      return { id, version: collection(name, id).put(id, encodeBody(name, id, body)), body };
    },
    async remove(name, id) {
      collection(name, id).remove(id);
    },
    async list(name, options) {
      checkList(name, options);
      return collection(name).list(options);
    },
    async close() {
      closed = true;
    },
  };
}
