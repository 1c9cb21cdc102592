import { join } from 'node:path';
import { noFailpoints, systemKernel } from '@relearn/kernel';
import { openPorts, readConfig, rebuildState, type Verification, verifyState } from '@relearn/platform';
import { silentTelemetry } from '@relearn/telemetry';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { day, firstDay, orders, ordersPipeline, retrainByHand, writePipeline } from './tables.js';
import { get, post } from './wire.js';
import {
  auditAtRest,
  eventually,
  modelServed,
  partitions,
  replaysDone,
  startWorld,
  temporaryFolder,
  type World,
} from './world.js';

const collections = ['checkpoints', 'clocks', 'leases', 'replays'];
const deciders = ['feature', 'training', 'evaluation', 'registry', 'serving', 'monitoring'];
const all = [...collections, ...deciders.map((name) => `aggregates-${name}`)];

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let file: string;
let world: World;

beforeAll(async () => {
  folder = await temporaryFolder();
  file = await writePipeline(
    folder.path,
    'orders',
    orders({ rows: 900, perDay: 150 }),
    ordersPipeline({ more: retrainByHand }),
  );
  world = await startWorld({ folder: join(folder.path, 'data') });
  await world.platform.replays.start(file, { speed: 1_000_000, turnShare: 1 });
  await modelServed(world, 'orders');
  await replaysDone(world);
  expect((await auditAtRest(world)).violations).toEqual([]);
});

afterAll(() => folder.remove());

async function opened<T>(work: (ports: Awaited<ReturnType<typeof openPorts>>['ports']) => Promise<T>): Promise<T> {
  const config = readConfig({ RELEARN_DATA: join(folder.path, 'data'), RELEARN_PARTITIONS: partitions });
  const { ports, close } = await openPorts({
    engines: config.engines,
    kernel: { ...systemKernel, failpoints: noFailpoints },
    telemetry: silentTelemetry(),
    partitions: config.partitions,
    durable: true,
    holdResults: false,
    onFailure: () => undefined,
  });
  try {
    return await work(ports);
  } finally {
    await close();
  }
}

/** Removes every document; answers how many there were. */
function forgetAll(): Promise<number> {
  return opened(async ({ store }) => {
    let removed = 0;
    for (const collection of all) {
      for (const { id } of await store.list(collection, { limit: 10_000 })) {
        await store.remove(collection, id);
        removed += 1;
      }
    }
    return removed;
  });
}

test('the state that is stored is the one that log and blobs give, beside the services that made it', async () => {
  const { status, body } = await get(`${world.platform.url}/api/v1/state`);
  expect(status).toBe(200);
  const { stored, rebuilt, difference } = body as Verification;
  expect(difference).toBeNull();
  expect(rebuilt).toEqual(stored);
  expect(Object.keys(stored.services).sort()).toEqual(['dead-letters', 'validation', ...deciders].sort());
});

test('without any document it is made anew, and the loop goes on', async () => {
  await world.stop();
  const before = await opened(verifyState);
  expect(before.difference).toBeNull();
  expect(await forgetAll()).toBeGreaterThan(10);
  expect((await opened(verifyState)).difference).toMatch(/stored …null/);
  expect(await opened(rebuildState)).toEqual(before.stored);
  expect((await opened(verifyState)).difference).toBeNull();
  world = await startWorld({ folder: join(folder.path, 'data') });
  const { url } = world.platform;
  // The replay knows that it has come to its end.
  await world.platform.replays.start(file, { speed: 1_000_000, turnShare: 1 });
  await replaysDone(world);
  const later = firstDay + 7 * day;
  const row = { order_id: 'again', at: new Date(later).toISOString(), region: 'north', discount: 0.5 };
  expect((await post(`${url}/v1/events/orders`, row)).status).toBe(202);
  expect((await post(`${url}/api/v1/pipelines/orders/retrain`, {})).status).toBe(202);
  await eventually('the end of a second turn', async () => {
    const { turns } = (await get(`${url}/api/v1/pipelines/orders/turns`)).body as {
      turns: { outcome: string | null }[];
    };
    return turns.length === 2 && turns.every(({ outcome }) => outcome !== null);
  });
  expect((await auditAtRest(world)).violations).toEqual([]);
  await world.stop();
});
