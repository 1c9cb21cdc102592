import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { seededChance, systemChance, systemClock } from '@relearn/kernel';
import { mongoOptions, openMongo } from '@relearn/mongodb';
import { openSqlite } from '@relearn/sqlite';
import type { Document, Store } from '@relearn/store';
import { openEmbeddedStore } from '@relearn/store/embedded';
import { openMongoStore } from '@relearn/store/mongodb';
import { expect, inject, test } from 'vitest';

const chance = seededChance(12);
const { mongodb } = inject('engines');

/** Lets a process write until it has acknowledged so many writes, kills it with -9 and answers the versions it said. */
async function writeAndKill(place: string, round: number, acks: number): Promise<Map<string, number>> {
  const script = fileURLToPath(new URL('./fixtures/writer.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, place, `${round}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {},
  });
  const versions = new Map<string, number>();
  let count = 0;
  const reading = (async () => {
    for await (const line of createInterface({ input: child.stdout })) {
      // A last line that the kill has cut is no ack.
      const match = /^(\S+) (\d+);$/.exec(line);
      if (match !== null) versions.set(match[1] ?? '', Number(match[2]));
      count += 1;
      if (count >= acks) child.kill('SIGKILL');
    }
  })();
  await Promise.all([once(child, 'exit'), reading]);
  expect(child.signalCode).toBe('SIGKILL');
  return versions;
}

interface Place {
  readonly name: string;
  look<T>(work: (store: Store) => Promise<T>): Promise<T>;
}

/** All documents, once two looks agree: a server may still do what a writer had asked for when it died. */
async function settled(store: Store): Promise<Document[]> {
  const look = () => store.list('turns', { limit: 100_000 });
  for (let before = await look(); ; ) {
    await systemClock.sleep(100);
    const now = await look();
    if (isDeepStrictEqual(now, before)) return now;
    before = now;
  }
}

/** Kills writers of one place and looks after each whether what they said is there. */
async function killWriters({ name, look }: Place, rounds: number): Promise<void> {
  const acknowledged = new Map<string, number>();
  for (let round = 0; round < rounds; round++) {
    const said = await writeAndKill(name, round, 20 + Math.floor(chance.next() * 300));
    for (const [id, version] of said) acknowledged.set(id, version);
    await look(async (store) => {
      const documents = await settled(store);
      const stored = new Map(documents.map((document) => [document.id, document]));
      for (const [id, version] of acknowledged) expect(stored.get(id)?.version).toBeGreaterThanOrEqual(version);
      for (const { version, body } of stored.values()) expect(body).toMatchObject({ step: version });
      const [last] = documents.slice(-1);
      await expect(store.create('turns', 'another', last?.body ?? null)).rejects.toMatchObject({
        code: 'ALREADY_EXISTS',
      });
    });
  }
}

test('every write that was acknowledged before a kill -9 is there, and no unique value is lost', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-kill-'));
  const look = async <T>(work: (store: Store) => Promise<T>) => {
    const engine = await openSqlite({ folder, durable: true });
    try {
      return await work(await openEmbeddedStore(engine));
    } finally {
      await engine.close();
    }
  };
  await killWriters({ name: folder, look }, 5);
  await rm(folder, { recursive: true });
});

test.skipIf(mongodb === null)('the same in MongoDB', async () => {
  const name = `${mongodb}/kill-${systemChance.id().slice(0, 8)}`;
  const mongo = openMongo(
    mongoOptions(name, () => undefined),
    systemClock,
  );
  const store = openMongoStore(mongo);
  await store.ensureCollections([{ name: 'turns', unique: ['name'] }]);
  await killWriters({ name, look: (work) => work(store) }, 3);
  await mongo.run('the end', (database) => database.dropDatabase());
  await mongo.close();
});
