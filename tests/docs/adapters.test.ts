import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BusFeatures } from '@relearn/bus';
import { openEmbeddedBus } from '@relearn/bus/embedded';
import { kafkaFeatures, kafkaOptions } from '@relearn/bus/kafka';
import { createMemoryBus } from '@relearn/bus/memory';
import { natsFeatures, natsOptions } from '@relearn/bus/nats';
import { systemKernel } from '@relearn/kernel';
import { openSqlite } from '@relearn/sqlite';
import { expect, test } from 'vitest';
import { readDocument } from './markdown.js';

interface Row {
  readonly adapter: string;
  readonly setting: string;
  readonly said: readonly string[];
}

/** The table of adapters as the guide shows it. */
const rows: readonly Row[] = readDocument('docs/guides/adapters.md')
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .filter(
    ([, adapter = '', , kill = '']) => /^(?:memory|embedded|kafka|nats)$/.test(adapter) && /^(?:yes|no)$/.test(kill),
  )
  .map(([, adapter = '', setting = '', ...said]) => ({
    adapter,
    setting: setting.replaceAll('`', ''),
    said: said.slice(0, 3),
  }));

function declared({ durability, sharedBetweenProcesses }: BusFeatures): string[] {
  return [durability.process, durability.power, sharedBetweenProcesses].map((holds) => (holds ? 'yes' : 'no'));
}

function rowsOf(adapter: string): readonly Row[] {
  const mine = rows.filter((row) => row.adapter === adapter);
  expect(mine).not.toEqual([]);
  return mine;
}

test('the guide says of memory and embedded what they declare', async () => {
  const memory = createMemoryBus(systemKernel);
  expect(rowsOf('memory').map(({ said }) => said)).toEqual([declared(memory.features)]);
  await memory.close();
  const folder = await mkdtemp(join(tmpdir(), 'relearn-docs-'));
  const engine = await openSqlite({ folder, durable: true });
  const embedded = await openEmbeddedBus(engine, systemKernel);
  expect(rowsOf('embedded').map(({ said }) => said)).toEqual([declared(embedded.features)]);
  await embedded.close();
  await engine.close();
  await rm(folder, { recursive: true });
});

test('the guide says of Kafka what it declares with each setting', () => {
  for (const { setting, said } of rowsOf('kafka')) {
    const options = kafkaOptions(setting, { env: {}, readFile: () => '' });
    expect(declared(kafkaFeatures(options)), setting).toEqual(said);
  }
});

test('the guide says of NATS what it declares with each setting', () => {
  for (const { setting, said } of rowsOf('nats')) {
    expect(declared(natsFeatures(natsOptions(setting, {}))), setting).toEqual(said);
  }
});
