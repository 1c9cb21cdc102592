import type { Blobs } from '@relearn/blobs';
import type { Bus } from '@relearn/bus';
import type { RelearnError } from '@relearn/kernel';
import type { Mongo } from '@relearn/mongodb';
import type { Store } from '@relearn/store';
import type { BlobsEngine, SharedEngines } from '../config/engines.js';
import { settingsOf } from '../config/settings.js';
import { openBlobs } from './blobs.js';
import type { EngineOptions, OpenEngines } from './open-engines.js';

/** Engines that processes share. Their options are checked before any of them is waited for. */
export async function openShared(engines: SharedEngines, options: EngineOptions): Promise<OpenEngines> {
  const { closedBy } = options;
  const openBus = await busOpener(engines.bus, options);
  const mongo = await openMongo(engines.store.url, options);
  closedBy(() => mongo.close());
  const blobs = await openSharedBlobs(engines.blobs, mongo, options);
  closedBy(() => blobs.close());
  const { openMongoStore } = await import('@relearn/store/mongodb');
  const store = openMongoStore(mongo);
  closedBy(() => store.close());
  const bus = await openBus(store);
  closedBy(() => bus.close());
  return { bus, store, blobs };
}

/** Reads the options now, and opens when the store is there. */
async function busOpener(
  { kind, url }: SharedEngines['bus'],
  { kernel, env, standing, signal }: EngineOptions,
): Promise<(store: Store) => Promise<Bus>> {
  const onBackgroundError = (error: RelearnError) => standing.gone('bus', error);
  const waited = (open: () => Promise<Bus>) => standing.until('bus', open, signal);
  if (kind === 'kafka') {
    const { kafkaOptions, openKafkaBus } = await import('@relearn/bus/kafka');
    const kafka = kafkaOptions(url, settingsOf(env));
    return () => waited(() => openKafkaBus({ ...kafka, onBackgroundError }, kernel));
  }
  const { natsOptions, openNatsBus } = await import('@relearn/bus/nats');
  const nats = natsOptions(url, settingsOf(env));
  return (store) => waited(() => openNatsBus({ ...nats, store, onBackgroundError }, kernel));
}

async function openMongo(url: string, { env, kernel }: EngineOptions): Promise<Mongo> {
  const { mongoOptions, openMongo: open } = await import('@relearn/mongodb');
  return open(mongoOptions(url, settingsOf(env)), kernel.clock);
}

async function openSharedBlobs(engine: BlobsEngine, mongo: Mongo, options: EngineOptions): Promise<Blobs> {
  if (engine.kind !== 'gridfs') return openBlobs(engine, options);
  const { openGridFsBlobs } = await import('@relearn/blobs/gridfs');
  return openGridFsBlobs(mongo, { clock: options.kernel.clock });
}
