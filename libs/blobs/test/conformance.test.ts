import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { blobsConformance } from '@relearn/blobs/conformance';
import { openFolderBlobs } from '@relearn/blobs/folder';
import { createMemoryBlobs } from '@relearn/blobs/memory';

const oneProcess = { another: 'one process has the blobs to itself', server: 'there is none' };

blobsConformance(
  'memory',
  async () => {
    const blobs = createMemoryBlobs();
    return { blobs, close: () => blobs.close() };
  },
  { ...oneProcess, reopen: 'nothing survives', damage: 'nobody else can reach them' },
);

for (const durable of [true, false]) {
  const factory = async () => {
    const folder = await mkdtemp(join(tmpdir(), 'relearn-blobs-'));
    let blobs = await openFolderBlobs(folder, { durable });
    return {
      blobs,
      reopen: async () => {
        await blobs.close();
        blobs = await openFolderBlobs(folder, { durable });
        return blobs;
      },
      damage: async (digest: string) => {
        const file = join(folder, digest.slice(0, 2), digest.slice(2, 4), digest);
        const bytes = await readFile(file);
        bytes[0] = (bytes[0] ?? 0) ^ 1;
        await writeFile(file, bytes);
      },
      close: async () => {
        await blobs.close();
        await rm(folder, { recursive: true });
      },
    };
  };
  blobsConformance(`folder, durable: ${durable}`, factory, oneProcess);
}
