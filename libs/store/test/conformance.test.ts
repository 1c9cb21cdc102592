import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqlite } from '@relearn/sqlite';
import { storeConformance } from '@relearn/store/conformance';
import { openEmbeddedStore } from '@relearn/store/embedded';
import { createMemoryStore } from '@relearn/store/memory';

storeConformance('memory', async () => {
  const store = createMemoryStore();
  return { store, close: () => store.close() };
});

for (const durable of [true, false]) {
  storeConformance(`embedded, durable: ${durable}`, async () => {
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
  });
}
