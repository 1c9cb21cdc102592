import type { Blobs } from '@relearn/blobs';
import type { Bus, OutgoingRecord } from '@relearn/bus';
import type { Store } from '@relearn/store';
import type { SimulatedProcess } from './process.js';
import type { Scheduler } from './scheduler.js';
import { checksum } from './trace.js';

/** The store as a process has it: every call a step, with what may become of it. */
export function simulatedStore(process: SimulatedProcess, store: Store): Store {
  return {
    features: store.features,
    ensureCollections: (collections) => store.ensureCollections(collections),
    get: (collection, id) => process.call('find', `get ${collection}/${id}`, () => store.get(collection, id)),
    list: (collection, options) => process.call('find', `list ${collection}`, () => store.list(collection, options)),
    create: (collection, id, body) =>
      process.call('write', `create ${collection}/${id}`, () => store.create(collection, id, body)),
    replace: (collection, id, version, body) =>
      process.call('write', `replace ${collection}/${id}`, () => store.replace(collection, id, version, body)),
    put: (collection, id, body) =>
      process.call('write', `put ${collection}/${id}`, () => store.put(collection, id, body)),
    remove: (collection, id) => process.call('write', `remove ${collection}/${id}`, () => store.remove(collection, id)),
    close: () => Promise.resolve(),
  };
}

/** The blobs as a process has them. */
export function simulatedBlobs(process: SimulatedProcess, blobs: Blobs): Blobs {
  return {
    features: blobs.features,
    put: (bytes) => process.call('put', 'put blob', () => blobs.put(bytes)),
    get: (digest) => process.call('fetch', 'get blob', () => blobs.get(digest)),
    has: (digest) => process.call('fetch', 'has blob', () => blobs.has(digest)),
    remove: (digest) => process.call('put', 'remove blob', () => blobs.remove(digest)),
    list: (options) => process.call('fetch', 'list blobs', () => blobs.list(options)),
    close: () => Promise.resolve(),
  };
}

/** What a control event says, for people. */
function told(headers: OutgoingRecord['headers'], value: Uint8Array): string {
  const { ce_type: type, ce_time: time, ce_causationid: cause = '' } = headers;
  return `${type} at ${time}, after ${cause}: ${Buffer.from(value).toString('utf8').slice(0, 600)}`;
}

/** What the bus takes, in the trace. */
export function tracedBus(bus: Bus, scheduler: Scheduler): Bus {
  return new Proxy(bus, {
    get(target, name) {
      if (name !== 'publish') {
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return (records: Parameters<Bus['publish']>[0]) => {
        for (const { topic, partition, headers, value } of records) {
          scheduler.note(`> ${topic}/${partition} ${headers['ce_id'] ?? ''}`, checksum(value, headers['ce_id']));
          if (scheduler.keepsTrace && (topic === 'control' || topic === 'monitoring' || topic === 'predictions'))
            scheduler.remark(`  ${told(headers, value)}`);
        }
        return target.publish(records);
      };
    },
  });
}
