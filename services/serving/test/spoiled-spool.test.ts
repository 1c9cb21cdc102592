import { appendFile, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bus } from '@relearn/bus';
import { RelearnError, systemKernel } from '@relearn/kernel';
import type { Ports } from '@relearn/runtime';
import { silentTelemetry } from '@relearn/telemetry';
import { expect, test } from 'vitest';
import { PredictionSpool } from '../src/spool/prediction-spool.js';
import { answered, logged, openBus, portsOn, spoolWorld } from './spool-world.js';

const world = spoolWorld();
const { spooled } = world;

/** What the log and the metrics are told of spoiled lines. */
async function listening(bus: Bus) {
  const told: object[] = [];
  const telemetry = silentTelemetry();
  const log = { ...telemetry.log, error: (what: object) => void told.push(what) };
  const ports = { ...(await portsOn(bus)), telemetry: { ...telemetry, log } } as Ports;
  const leftOut = async () => {
    const { body } = await telemetry.metrics.render();
    return Number(/^relearn_predictions_left_out_total\{what="spoiled"\} (\d+)$/m.exec(body)?.[1] ?? 0);
  };
  return { ports, told, leftOut };
}

const segment = async (suffix = '.jsonl') => {
  const [file = ''] = (await readdir(world.folder)).filter((name) => name.endsWith(suffix));
  return join(world.folder, file);
};

/** Lets each request's line wait, spoils their file, and then lets the bus take what there is. */
async function spoiledWhileWaiting(ids: readonly string[], spoil: (file: string) => Promise<void>) {
  const { bus, fail, refused } = await openBus();
  const { ports, told, leftOut } = await listening(bus);
  const spool = new PredictionSpool(ports, { folder: world.folder });
  await spool.start();
  fail(new RelearnError('INTERNAL', 'once'));
  spool.shipTo(ports, world.workers);
  for (const id of ids) spool.log([answered(id)]);
  while (refused() === 0) await systemKernel.clock.sleep(1);
  const file = await segment();
  await spoil(file);
  fail(undefined);
  await spool.stop();
  return { bus, file, told, leftOut };
}

test('lines that are spoiled while they wait are left out, counted and kept in their file; what is behind them is shipped', async () => {
  let spoiled = '';
  const { bus, file, told, leftOut } = await spoiledWhileWaiting(['a', 'b', 'c'], async (path) => {
    const [first = '', second = '', ...others] = (await readFile(path, 'utf8')).split('\n');
    spoiled = [first, '\0'.repeat(second.length), ...others].join('\n');
    await writeFile(path, spoiled);
  });
  expect(await logged(bus)).toEqual(['a-0', 'c-0']);
  expect(told.at(-1)).toMatchObject({ code: 'CORRUPT', file, lines: 1 });
  expect(await leftOut()).toBe(1);
  // The next process begins another file, and is done with this one.
  await spooled(bus, [answered('d')]);
  expect(await logged(bus)).toEqual(['a-0', 'c-0', 'd-0']);
  expect(await segment()).not.toBe(file);
  expect(await readFile(`${file}.spoiled`, 'utf8')).toBe(spoiled);
});

test('a file that is cut off while its lines wait loses what is cut off, and is kept', async () => {
  let cutOff = '';
  const { bus, file, leftOut } = await spoiledWhileWaiting(['a', 'b'], async (path) => {
    await truncate(path, (await stat(path)).size - 10);
    cutOff = await readFile(path, 'utf8');
  });
  expect(await logged(bus)).toEqual(['a-0']);
  expect(await leftOut()).toBe(1);
  expect(await readFile(`${file}.spoiled`, 'utf8')).toBe(cutOff);
});

test('what a crash has spoiled is left out at the next start, and no number of it is given again', async () => {
  const { bus, fail } = await openBus();
  fail(new RelearnError('UNAVAILABLE', 'away'));
  await spooled(bus, [answered('a')]);
  const file = await segment();
  // A block that never reached the disk, behind a whole line.
  await appendFile(file, `${'\0'.repeat(4096)}\n`);
  fail(undefined);
  const { ports, told, leftOut } = await listening(bus);
  const spool = new PredictionSpool(ports, { folder: world.folder });
  await spool.start();
  expect(told).toEqual([expect.objectContaining({ code: 'CORRUPT', file, lines: 1 })]);
  expect(await leftOut()).toBe(1);
  spool.shipTo(ports, world.workers);
  spool.log([answered('b')]);
  await spool.stop();
  expect(await logged(bus)).toEqual(['a-0', 'b-0']);
  const next = JSON.parse(await readFile(await segment(), 'utf8')) as { first: number };
  expect(next.first).toBeGreaterThan(4096);
  expect(await readFile(await segment('.spoiled'), 'utf8')).toMatch(/\0\n$/);
});

test('spoiled lines before what is shipped are no news', async () => {
  const { bus } = await openBus();
  await spooled(bus, [answered('a')], [answered('b')]);
  const file = await segment();
  const [first = '', ...others] = (await readFile(file, 'utf8')).split('\n');
  await writeFile(file, ['x'.repeat(first.length), ...others].join('\n'));
  const { ports, told } = await listening(bus);
  await new PredictionSpool(ports, { folder: world.folder }).start();
  expect(told).toEqual([]);
});

test('a line of another version is named, with what to do', async () => {
  const { bus, fail } = await openBus();
  fail(new RelearnError('UNAVAILABLE', 'away'));
  await spooled(bus, [answered('a')]);
  const file = await segment();
  await appendFile(file, '{"of":"another version"}\n');
  const failure = await spooled(bus).catch((thrown: unknown) => thrown);
  expect(failure).toMatchObject({ code: 'CORRUPT', place: { file, line: 2 } });
  expect(await readFile(file, 'utf8')).toMatch(/version"\}\n$/);
});
