import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cleanUpAfterEach } from './clean-up.js';
import { recordsIn, rowIdsIn } from './log.js';
import { orders, ordersPipeline, retrainByHand, writePipeline } from './tables.js';
import { turnsOf } from './trace.js';
import { type InferAnswer, inferenceClient, orderRequest } from './wire.js';
import {
  auditAtRest,
  countsOf,
  eventually,
  modelServed,
  replaysDone,
  startWorld,
  temporaryFolder,
  type World,
} from './world.js';

const rows = 1500;
const cleanUp = cleanUpAfterEach();

const every = (of: (row: number) => string) => Array.from({ length: rows }, (_, row) => of(row)).sort();

const rowIds = async ({ platform }: World, topic: 'features' | 'predictions') =>
  (await rowIdsIn(platform.ports.bus, topic)).map(({ id }) => id);

test('a platform that is stopped in the middle of a replay goes on where it was', async () => {
  const folder = await temporaryFolder();
  cleanUp.push(folder.remove);
  const table = orders({ rows, perDay: 150 });
  const file = await writePipeline(folder.path, 'orders', table, ordersPipeline({ more: retrainByHand }));
  const data = join(folder.path, 'data');
  const at = (speed: number) => ({ speed, turnShare: 1 });

  // Stopped once while the first model is made, and once with it, far from the end.
  const early = await startWorld({ folder: data });
  await early.platform.replays.start(file, at(20_000));
  await eventually('the first turn', async () => (await turnsOf(early.platform.ports.bus, 'orders')).length > 0);
  await early.stop();
  expect(early.platform.replays.status()[0]?.done).toBeLessThan(2 * rows);

  const middle = await startWorld({ folder: data });
  const before = await middle.platform.replays.start(file, at(20_000));
  expect(before.done).toBeGreaterThan(0);
  const { ports } = middle.platform;
  await modelServed(middle, 'orders');
  await eventually('a row that it scored', async () => (await rowIds(middle, 'predictions')).length > 0);
  const model = ports.catalog.inForce('orders')?.champion;
  await middle.stop();

  const last = await startWorld({ folder: data });
  cleanUp.push(last.stop);
  // The first request of all: the model has been loaded before the doors opened.
  const client = inferenceClient(last.platform.grpcAddress);
  cleanUp.push(async () => client.close());
  const request = orderRequest([{ region: 'north', discount: 0.9, hour: 1 }]);
  expect((await client.call<InferAnswer>('ModelInfer', request)).modelVersion).toBe(String(model?.model));
  expect((await fetch(`${last.platform.url}/readyz`)).status).toBe(200);
  expect(last.platform.ports.catalog.inForce('orders')?.champion).toEqual(model);
  const { done } = await last.platform.replays.start(file, at(1_000_000));
  expect(done).toBeGreaterThan(before.done);
  expect(done).toBeLessThan(2 * rows);
  await replaysDone(last);

  expect((await auditAtRest(last)).violations).toEqual([]);
  const { bus } = last.platform.ports;
  const valid = await recordsIn(bus, 'data.valid');
  const idsOf = (stream: string) => valid.filter((record) => record.stream === stream).map(({ id }) => id);
  expect(idsOf('rows').sort()).toEqual(every((row) => `o${row}`));
  expect(new Set(idsOf('labels')).size).toBe(rows);
  expect(idsOf('labels')).toHaveLength(rows);
  expect((await rowIds(last, 'features')).sort()).toEqual(every((row) => `o${row}`));
  const predicted = await rowIds(last, 'predictions');
  expect(new Set(predicted).size).toBe(predicted.length);

  const raw = (await recordsIn(bus, 'data.raw')).length;
  const counts = await eventually('the last checkpoint', async () => {
    const now = await countsOf(last, 'orders');
    return now['received'] === raw && now;
  });
  const { validated = 0, quarantined = 0, duplicates = 0, markers = 0 } = counts;
  expect(validated + quarantined + duplicates).toBe(raw);
  expect(validated - markers).toBe(2 * rows);
  expect(quarantined).toBe(0);
});
