import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { seededChance } from '@relearn/kernel';
import { openSqlite } from '@relearn/sqlite';
import { openEmbeddedStore } from '@relearn/store/embedded';
import { expect, test } from 'vitest';

const chance = seededChance(12);

/** Lets a process write until it has acknowledged so many writes, kills it with -9 and answers the versions it said. */
async function writeAndKill(folder: string, round: number, acks: number): Promise<Map<string, number>> {
  const script = fileURLToPath(new URL('./fixtures/writer.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, folder, `${round}`], {
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

test('every write that was acknowledged before a kill -9 is there, and no unique value is lost', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-kill-'));
  const acknowledged = new Map<string, number>();
  for (let round = 0; round < 5; round++) {
    const said = await writeAndKill(folder, round, 20 + Math.floor(chance.next() * 300));
    for (const [id, version] of said) acknowledged.set(id, version);
    const engine = await openSqlite({ folder, durable: true });
    const store = await openEmbeddedStore(engine);
    const stored = new Map((await store.list('turns', { limit: 100_000 })).map((document) => [document.id, document]));
    for (const [id, version] of acknowledged) expect(stored.get(id)?.version).toBeGreaterThanOrEqual(version);
    for (const { version, body } of stored.values()) expect(body).toMatchObject({ step: version });
    const [last] = [...stored.values()].slice(-1);
    await expect(store.create('turns', 'another', last?.body ?? null)).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
    });
    await engine.close();
  }
  await rm(folder, { recursive: true });
});
