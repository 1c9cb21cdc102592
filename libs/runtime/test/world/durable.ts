import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Blobs } from '@relearn/blobs';
import { openFolderBlobs } from '@relearn/blobs/folder';
import { createMemoryBlobs } from '@relearn/blobs/memory';
import type { Bus } from '@relearn/bus';
import { openEmbeddedBus } from '@relearn/bus/embedded';
import { createMemoryBus } from '@relearn/bus/memory';
import { topicNames } from '@relearn/contracts';
import { systemKernel } from '@relearn/kernel';
import { aggregateCollection, checkpointCollection, leaseCollection } from '@relearn/runtime';
import { openSqlite } from '@relearn/sqlite';
import type { Store } from '@relearn/store';
import { openEmbeddedStore } from '@relearn/store/embedded';
import { createMemoryStore } from '@relearn/store/memory';

/** What outlives a process: log, documents, blobs. */
export interface Durable {
  readonly bus: Bus;
  readonly store: Store;
  readonly blobs: Blobs;
  close(): Promise<void>;
}

export const partitions = 1;

async function prepare(bus: Bus, store: Store): Promise<void> {
  await bus.ensureTopics(topicNames.map((name) => ({ name, partitions, retentionMs: null })));
  const collections = [checkpointCollection, leaseCollection, aggregateCollection('toy')];
  await store.ensureCollections(collections.map((name) => ({ name })));
}

export async function memoryDurable(): Promise<Durable> {
  const bus = createMemoryBus(systemKernel);
  const store = createMemoryStore();
  await prepare(bus, store);
  return { bus, store, blobs: createMemoryBlobs(), close: () => bus.close() };
}

export async function embeddedDurable(): Promise<Durable> {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-runtime-'));
  const engine = await openSqlite({ folder, durable: false });
  const bus = await openEmbeddedBus(engine, systemKernel);
  const store = await openEmbeddedStore(engine);
  const blobs = await openFolderBlobs(join(folder, 'blobs'), { durable: false });
  await prepare(bus, store);
  return {
    bus,
    store,
    blobs,
    async close() {
      await bus.close();
      await store.close();
      await blobs.close();
      await engine.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export const adapters = [
  ['memory', memoryDurable],
  ['embedded', embeddedDurable],
] as const;
