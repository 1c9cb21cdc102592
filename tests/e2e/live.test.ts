import { join } from 'node:path';
import { type DataOf, windowProfiled } from '@relearn/contracts';
import { expect, test } from 'vitest';
import { cleanUpAfterEach } from './clean-up.js';
import { eventsOf } from './log.js';
import { ordersPipeline } from './tables.js';
import { post } from './wire.js';
import { auditAtRest, eventually, startWorld, temporaryFolder } from './world.js';

const windowMs = 4_000;
const cleanUp = cleanUpAfterEach();

test('the windows of a pipeline that is not replayed close by the clock', async () => {
  const folder = await temporaryFolder();
  cleanUp.push(folder.remove);
  const world = await startWorld({ folder: join(folder.path, 'data') });
  cleanUp.push(world.stop);
  const { url, ports } = world.platform;
  const file = ordersPipeline()
    .replace('window: 1d', `window: ${windowMs / 1_000}s`)
    .replace('delay: 1h, max_delay: 4h', 'delay: 1s, max_delay: 1s');
  expect(await post(`${url}/api/v1/pipelines`, { file })).toMatchObject({
    status: 200,
    body: { pipeline: 'orders', version: 1, changed: true },
  });
  expect(await post(`${url}/api/v1/pipelines`, { file })).toMatchObject({ body: { version: 1, changed: false } });

  // Early in a window: what is sent now comes in before its end, on a slow machine too.
  await eventually('the beginning of a window', () => Date.now() % windowMs < 200);
  const at = new Date().toISOString();
  const row = { at, region: 'north', discount: 0.5 };
  const sent = ['a', 'b'].map((order_id) => ({ ...row, order_id }));
  expect(await post(`${url}/v1/events/orders`, sent)).toMatchObject({ status: 202, body: { accepted: 2 } });
  expect(await post(`${url}/v1/labels/orders`, { event_id: 'a', value: 1 })).toMatchObject({ status: 202 });

  const closed = await eventually('its window', async () => {
    const windows = (await eventsOf(ports.bus, 'monitoring')).filter((event) => windowProfiled.is(event));
    const start = Math.floor(Date.parse(at) / windowMs) * windowMs;
    const mine = windows
      .map(({ data }) => data as DataOf<typeof windowProfiled>)
      .filter((window) => window.start === start);
    return mine.length === 2 && mine;
  });
  expect(closed.map(({ part, rows, labelledTotal }) => ({ part, rows, labelledTotal }))).toEqual([
    { part: 'inputs', rows: 2, labelledTotal: 1 },
    { part: 'outcomes', rows: 2, labelledTotal: 1 },
  ]);
  expect((await auditAtRest(world)).violations).toEqual([]);
});
