import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openEmbeddedBus } from '@relearn/bus/embedded';
import { seededChance, systemKernel } from '@relearn/kernel';
import { openSqlite } from '@relearn/sqlite';
import { expect, test } from 'vitest';

const chance = seededChance(11);

/** Lets a process publish until it has acknowledged so many records, kills it with -9 and answers all that it said. */
async function publishAndKill(folder: string, round: number, acks: number): Promise<string[]> {
  const script = fileURLToPath(new URL('./fixtures/publisher.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, folder, `${round}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {},
  });
  const lines: string[] = [];
  const reading = (async () => {
    for await (const line of createInterface({ input: child.stdout })) {
      // A last line that the kill has cut is no ack.
      if (/^\d+ \d+ \d+\/\d+\/\d+\/\d\/x*;$/.test(line)) lines.push(line);
      if (lines.length >= acks) child.kill('SIGKILL');
    }
  })();
  await Promise.all([once(child, 'exit'), reading]);
  expect(child.signalCode).toBe('SIGKILL');
  return lines;
}

test('every record that was acknowledged before a kill -9 is there, at its position, once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-kill-'));
  const acknowledged: string[] = [];
  for (let round = 0; round < 5; round++) {
    acknowledged.push(...(await publishAndKill(folder, round, 20 + Math.floor(chance.next() * 300))));
    const engine = await openSqlite({ folder, durable: true });
    const bus = await openEmbeddedBus(engine, systemKernel);
    const stored = new Set<string>();
    let count = 0;
    for (const [partition, { first, end }] of (await bus.bounds('flights')).entries()) {
      for (let from = first; from < end; ) {
        const records = await bus.read('flights', partition, from, { maxRecords: 500, maxBytes: 4e6 });
        for (const { position, value } of records)
          stored.add(`${partition} ${position} ${Buffer.from(value).toString()}`);
        count += records.length;
        from = (records.at(-1)?.position ?? end) + 1;
      }
    }
    expect(acknowledged.filter((line) => !stored.has(line))).toEqual([]);
    expect(stored.size).toBe(count);
    await bus.close();
    await engine.close();
  }
  await rm(folder, { recursive: true });
});
