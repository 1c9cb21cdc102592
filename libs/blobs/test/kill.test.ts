import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Blobs } from '@relearn/blobs';
import { openFolderBlobs } from '@relearn/blobs/folder';
import { openGridFsBlobs } from '@relearn/blobs/gridfs';
import { seededChance, sha256, systemChance, systemClock } from '@relearn/kernel';
import { mongoOptions, openMongo } from '@relearn/mongodb';
import { expect, inject, test } from 'vitest';

const chance = seededChance(4);
const { mongodb } = inject('engines');

/** Lets a process put blobs until so many are acknowledged, kills it with -9 and answers their digests. */
async function putAndKill(place: string, round: number, acks: number): Promise<string[]> {
  const script = fileURLToPath(new URL('./fixtures/putter.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, place, `${round}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {},
  });
  const digests: string[] = [];
  const reading = (async () => {
    for await (const line of createInterface({ input: child.stdout })) {
      // A last line that the kill has cut is no ack.
      if (/^[0-9a-f]{64};$/.test(line)) digests.push(line.slice(0, 64));
      if (digests.length >= acks) child.kill('SIGKILL');
    }
  })();
  await Promise.all([once(child, 'exit'), reading]);
  expect(child.signalCode).toBe('SIGKILL');
  return digests;
}

/** After each kill what was acknowledged is there, and what is there is whole. */
async function killPutters(place: string, rounds: number, open: () => Promise<Blobs>): Promise<void> {
  const acknowledged = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    for (const digest of await putAndKill(place, round, 3 + Math.floor(chance.next() * 30))) acknowledged.add(digest);
    const blobs = await open();
    const listed = await blobs.list({ limit: 10_000 });
    expect(listed).toEqual(expect.arrayContaining([...acknowledged]));
    for (const digest of listed) expect(sha256(await blobs.get(digest))).toBe(digest);
    await blobs.close();
  }
}

test('every blob that was acknowledged before a kill -9 is there, and none is cut', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-blobs-kill-'));
  await killPutters(folder, 4, () => openFolderBlobs(folder, { durable: true }));
  await rm(folder, { recursive: true });
});

test.skipIf(mongodb === null)('the same in GridFS', async () => {
  const place = `${mongodb}/blobs-kill-${systemChance.id().slice(0, 8)}`;
  const mongo = openMongo(
    mongoOptions(place, () => undefined),
    systemClock,
  );
  await killPutters(place, 3, async () => openGridFsBlobs(mongo));
  await mongo.run('the end', (database) => database.dropDatabase());
  await mongo.close();
});
