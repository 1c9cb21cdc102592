import { mkdirSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeEvent, predictionLogged } from '@relearn/contracts';
import { systemKernel } from '@relearn/kernel';
import { type PredictionRecord, PredictionSpool } from '@relearn/serving';
import { silentTelemetry } from '@relearn/telemetry';
import { afterEach, expect, test } from 'vitest';
import { spoolsLeftBehind } from '../src/processes/folders.js';
import { eventually, Processes } from './processes.js';

const cleanUp: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const clean of cleanUp.splice(0).reverse()) await clean();
});

function folderWith(...spools: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'relearn-left-'));
  cleanUp.push(() => rm(folder, { recursive: true, force: true }));
  for (const spool of spools) mkdirSync(join(folder, spool), { recursive: true });
  return folder;
}

test('spools are left behind by processes beyond those that run, and by one that ran alone', () => {
  const data = folderWith(
    'spool',
    'process-0/spool',
    'process-1/spool',
    'process-10/spool',
    'process-2/bundles',
    'other',
  );
  const left = (processes: number) =>
    spoolsLeftBehind(data, processes).map(({ folder }) => folder.slice(data.length + 1));

  expect(left(1)).toEqual(['process-0/spool', 'process-1/spool', 'process-10/spool']);
  expect(left(2)).toEqual(['spool', 'process-10/spool']);
  expect(left(11)).toEqual(['spool']);
  // The folder itself is held by whoever runs.
  expect(spoolsLeftBehind(data, 2).map(({ lock }) => lock)).toEqual([null, join(data, 'process-10')]);
});

/** What a process has answered that was killed before the bus had it. */
async function answered(folder: string, id: string): Promise<void> {
  const spool = new PredictionSpool({ kernel: systemKernel, telemetry: silentTelemetry() }, { folder });
  await spool.start();
  const record: PredictionRecord = {
    model: 'score',
    version: '1',
    arm: 'champion',
    id,
    eventIds: [null],
    parameters: {},
    rows: 1,
    receivedAt: 0,
    timings: { queueMs: 1, computeMs: 1, batchRows: 1 },
    inputs: [],
    outputs: [],
  };
  spool.log([record]);
  await spool.stop();
}

test('what they hold is shipped by the process that runs alone now', async () => {
  const processes = await new Processes().place(['serving']);
  cleanUp.push(() => processes.stopAll());
  const data = await processes.folderOf('serving');
  await answered(join(data, 'process-0', 'spool'), 'of the first');
  await answered(join(data, 'process-3', 'spool'), 'of the fourth');
  await processes.startOne('serving');

  const logged = async () => {
    const ids: (string | undefined)[] = [];
    for (const [partition, { first }] of (await processes.engines.bus.bounds('predictions')).entries()) {
      const records = await processes.engines.bus.read('predictions', partition, first, {
        maxRecords: 100,
        maxBytes: 1e6,
      });
      ids.push(...records.map((record) => predictionLogged.read(decodeEvent(record)).data.request?.id));
    }
    return ids;
  };
  await eventually('both in the log', async () => (await logged()).length >= 2);
  await processes.stop('serving');
  await processes.startOne('serving');
  await processes.stop('serving');
  const ids = await logged();
  expect(ids).toHaveLength(2);
  expect(new Set(ids)).toEqual(new Set(['of the first', 'of the fourth']));
});
