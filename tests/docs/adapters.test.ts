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
import type { StoreFeatures } from '@relearn/store';
import { openEmbeddedStore } from '@relearn/store/embedded';
import { createMemoryStore } from '@relearn/store/memory';
import { expect, test } from 'vitest';
import { readDocument } from './markdown.js';

interface Row {
  readonly adapter: string;
  readonly setting: string;
  /** What it survives, and for the log whether processes share it: `yes` or `no` each. */
  readonly said: readonly string[];
}

/** The adapters of a section of the guide that opens with this word. */
function table(section: string): readonly Row[] {
  const sections = readDocument('docs/guides/adapters.md').split('\n## ');
  const lines = sections.find((text) => text.startsWith(section))?.split('\n') ?? [];
  return lines
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, adapter = '', setting = '', ...said]) => ({
      adapter,
      setting: setting.replaceAll('`', ''),
      said: said.filter((cell) => cell !== ''),
    }))
    .filter(({ said }) => said.length > 0 && said.every((cell) => cell === 'yes' || cell === 'no'));
}

const yesOrNo = (holds: boolean) => (holds ? 'yes' : 'no');
const survives = ({ durability: { process, power } }: StoreFeatures) => [process, power].map(yesOrNo);
const declared = (features: BusFeatures) => [...survives(features), yesOrNo(features.sharedBetweenProcesses)];

function rowsOf(adapter: string, section = 'Log'): readonly Row[] {
  const mine = table(section).filter((row) => row.adapter === adapter && row.setting !== 'yes' && row.setting !== 'no');
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
    const options = kafkaOptions(setting);
    expect(declared(kafkaFeatures(options)), setting).toEqual(said);
  }
});

test('the guide says of NATS what it declares with each setting', () => {
  for (const { setting, said } of rowsOf('nats')) {
    expect(declared(natsFeatures(natsOptions(setting))), setting).toEqual(said);
  }
});

test('the guide says of the documents what their adapters declare', async () => {
  const said = (adapter: string) => rowsOf(adapter, 'Documents').map((row) => row.said);
  const memory = createMemoryStore();
  expect(said('memory')).toEqual([survives(memory.features)]);
  await memory.close();
  const folder = await mkdtemp(join(tmpdir(), 'relearn-docs-'));
  const engine = await openSqlite({ folder, durable: true });
  const embedded = await openEmbeddedStore(engine);
  expect(said('sqlite')).toEqual([survives(embedded.features)]);
  await embedded.close();
  await engine.close();
  await rm(folder, { recursive: true });
});
