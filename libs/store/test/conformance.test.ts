import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqlite } from '@relearn/sqlite';
import { storeConformance } from '@relearn/store/conformance';
import { openEmbeddedStore } from '@relearn/store/embedded';
import { createMemoryStore } from '@relearn/store/memory';

const oneProcess = { another: 'one process has the documents to itself', server: 'it has none' };

storeConformance(
  'memory',
  async () => {
    const store = createMemoryStore();
    return { store, close: () => store.close() };
  },
  { ...oneProcess, reopen: 'nothing survives' },
);

for (const durable of [true, false]) {
  const factory = async () => {
    const folder = await mkdtemp(join(tmpdir(), 'relearn-store-'));
    let engine = await openSqlite({ folder, durable });
    return {
      store: await openEmbeddedStore(engine),
      reopen: async () => {
        await engine.close();
        engine = await openSqlite({ folder, durable });
        return openEmbeddedStore(engine);
      },
      close: async () => {
        await engine.close();
        await rm(folder, { recursive: true });
      },
    };
  };
  storeConformance(`embedded, durable: ${durable}`, factory, oneProcess);
}
