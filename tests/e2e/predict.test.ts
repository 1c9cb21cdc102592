import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { day, firstDay, orders, ordersPipeline, retrainByHand, writePipeline } from './tables.js';
import { get, type GrpcClient, grpcClient, post } from './wire.js';
import { auditAtRest, eventually, modelServed, replaysDone, startWorld, temporaryFolder, type World } from './world.js';

const rows = 600;
const perDay = 150;
const later = firstDay + (rows / perDay + 1) * day;
const at = new Date(later).toISOString();

interface Scalar {
  readonly text?: string;
  readonly number?: number;
}

interface Answer {
  readonly modelVersion: string;
  readonly arm: string;
  readonly rows: readonly {
    readonly outputs: Readonly<Record<string, Scalar>>;
    readonly features: { readonly eventId: string; readonly time: string; readonly asOf: string } | null;
  }[];
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let world: World;
let serving: GrpcClient;

beforeAll(async () => {
  folder = await temporaryFolder();
  const pipeline = ordersPipeline({ more: `entity: [region]\n${retrainByHand}` });
  const file = await writePipeline(folder.path, 'orders', orders({ rows, perDay }), pipeline);
  await start();
  await world.platform.replays.start(file, { speed: 1_000_000, turnShare: 1 });
  await modelServed(world, 'orders');
  await replaysDone(world);
  const row = { order_id: 'p1', at, region: 'north', discount: 0.25 };
  expect((await post(`${world.platform.url}/v1/events/orders`, row)).status).toBe(202);
  await world.platform.ports.activity.idle(world.platform.ports.bus);
});

afterAll(async () => {
  serving.close();
  await world.stop();
  await folder.remove();
});

async function start(): Promise<void> {
  world = await startWorld({ folder: join(folder.path, 'data') });
  serving = grpcClient(world.platform.grpcAddress, 'relearn/v1/serving.proto', 'relearn.v1.Serving');
}

const north = { region: { text: 'north' } };
const predict = (...wanted: object[]) => serving.call<Answer>('Predict', { pipeline: 'orders', rows: wanted });
const probabilityOf = (answer: Answer, row = 0) => answer.rows[row]?.outputs['probability']?.number;

/** What the model says of a row with these features. */
async function asked(): Promise<number> {
  const tensor = (name: string, datatype: string, value: unknown) => ({ name, datatype, shape: [1, 1], data: [value] });
  const inputs = [tensor('region', 'BYTES', 'north'), tensor('discount', 'FP32', 0.25), tensor('hour', 'FP32', 0)];
  const { body } = await post(`${world.platform.url}/v2/models/orders/infer`, { inputs });
  const { outputs } = body as { outputs: readonly { name: string; data: readonly number[] }[] };
  return outputs.find(({ name }) => name === 'probability')?.data[0] ?? Number.NaN;
}

describe('a prediction by entity', () => {
  test('is that of the features of its last row, in one call; it says who answered and how fresh they are', async () => {
    const answer = await predict({ entity: north }, { entity: north, columns: { discount: { number: 0.75 } } });
    expect(answer).toMatchObject({ modelVersion: '1', arm: 'champion' });
    expect(answer.rows[0]?.features).toMatchObject({ eventId: 'p1', time: at });
    expect(Date.parse(answer.rows[0]?.features?.asOf ?? '')).toBeGreaterThanOrEqual(later);
    expect(probabilityOf(answer)).toBeCloseTo(await asked(), 6);
    expect(probabilityOf(answer, 1)).not.toBe(probabilityOf(answer));
  });

  test('is had over REST, too, and by columns alone', async () => {
    const url = `${world.platform.url}/api/v1/pipelines/orders/predict`;
    const columns = { region: 'north', discount: 0.25, hour: 0 };
    const { status, body } = await post(url, { rows: [{ entity: { region: 'north' } }, { columns }] });
    expect(status).toBe(200);
    const { rows: predicted } = body as { rows: { outputs: { probability: number }; features: object | null }[] };
    expect(predicted[1]?.outputs).toEqual(predicted[0]?.outputs);
    expect(predicted.map(({ features }) => features)).toEqual([
      { event_id: 'p1', time: at, as_of: expect.any(String) },
      null,
    ]);
    expect(await post(url, { rows: [{ entity: { region: 'nowhere' } }] })).toMatchObject({ status: 404 });
    expect(await post(url, { rows: [{ entity: { city: 'x' } }] })).toMatchObject({ status: 400 });
    expect(await post(`${url.replace('orders', 'none')}`, { rows: [{ columns }] })).toMatchObject({ status: 404 });
  });

  test('is the same after a restart', async () => {
    const before = await predict({ entity: north });
    serving.close();
    await world.stop();
    await start();
    await modelServed(world, 'orders');
    const after = await eventually('the features', () => predict({ entity: north }).catch(() => undefined));
    expect(after.rows).toEqual(before.rows);
    expect((await auditAtRest(world)).violations).toEqual([]);
    const { body } = await get(`${world.platform.url}/api/v1/state`);
    expect((body as { difference: string | null }).difference).toBeNull();
  });
});
