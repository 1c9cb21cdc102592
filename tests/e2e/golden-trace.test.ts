import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { eventsOf } from './log.js';
import { orders, ordersPipeline, retrainOnQuality, writePipeline } from './tables.js';
import { turnsOf, turnTrace } from './trace.js';
import { auditAtRest, eventually, startWorld, temporaryFolder, type World } from './world.js';

const golden = join(import.meta.dirname, 'golden', 'turn.json');
const cleanUp: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const clean of cleanUp.splice(0).reverse()) await clean();
});

/** A turn of the reason that has ended with a promotion. */
async function promotedTurn({ platform }: World, reason: string): Promise<string> {
  const { bus } = platform.ports;
  return await eventually(`a promotion after a ${reason} request`, async () => {
    for (const { turn } of (await turnsOf(bus, 'orders')).filter((one) => one.reason === reason)) {
      const trace = await turnTrace(bus, 'orders', turn);
      if (trace.some((step) => step.endsWith('model.deployed (serving)'))) return turn;
    }
    return undefined;
  });
}

test('a first turn and one that a fall of quality causes go the way that the golden trace shows', async () => {
  const folder = await temporaryFolder();
  cleanUp.push(folder.remove);
  const rows = orders({ rows: 3000, perDay: 150, turnsOnDay: 8 });
  const file = await writePipeline(folder.path, 'orders', rows, ordersPipeline({ more: retrainOnQuality }));
  const world = await startWorld({ folder: join(folder.path, 'data') });
  cleanUp.push(world.stop);

  await world.platform.replays.start(file, { speed: 500_000, turnShare: 0.1 });
  const { bus } = world.platform.ports;
  const first = await promotedTurn(world, 'first');
  const retrained = await promotedTurn(world, 'performance');
  const traces = {
    first: await turnTrace(bus, 'orders', first),
    performance: await turnTrace(bus, 'orders', retrained),
  };
  if (process.env['RELEARN_UPDATE_GOLDEN'] !== undefined) {
    await writeFile(golden, `${JSON.stringify(traces, null, 2)}\n`);
  }

  for (const turn of [first, retrained]) {
    const events = (await eventsOf(bus, 'control')).filter((event) => event.correlationid === turn);
    expect(new Set(events.map(({ traceparent }) => traceparent?.split('-')[1])).size).toBe(1);
  }
  expect(traces).toEqual(JSON.parse(await readFile(golden, 'utf8')));
  await world.platform.replays.stop();
  expect((await auditAtRest(world)).violations).toEqual([]);
});
