import { join } from 'node:path';
import {
  type DataOf,
  dataQuarantined,
  dataReceived,
  encodeEvent,
  type featuresComputed,
  type predictionLogged,
  windowProfiled,
} from '@relearn/contracts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../apps/cli/test/run.js';
import { eventsOf, recordsIn } from './log.js';
import { day, firstDay, hour, orders, ordersPipeline, retrainByHand, writePipeline } from './tables.js';
import {
  get,
  grpcClient,
  type GrpcClient,
  type InferAnswer,
  inferenceClient,
  ingestionClient,
  orderRequest,
  post,
} from './wire.js';
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

const rows = 600;
const perDay = 150;
/** After all that was replayed. */
const later = firstDay + (rows / perDay + 1) * day;
const at = (ms: number) => new Date(ms).toISOString();
const order = (id: string, time: number, more: object = {}) => ({
  order_id: id,
  at: at(time),
  region: 'north',
  discount: 0.9,
  ...more,
});

let world: World;
let remove: () => Promise<void>;
let inference: GrpcClient;
let ingestion: GrpcClient;
let events: string;
let labels: string;

beforeAll(async () => {
  const folder = await temporaryFolder();
  remove = folder.remove;
  const pipeline = ordersPipeline({ more: retrainByHand });
  const file = await writePipeline(folder.path, 'orders', orders({ rows, perDay }), pipeline);
  world = await startWorld({ folder: join(folder.path, 'data') });
  const { replays, url, grpcAddress } = world.platform;
  await replays.start(file, { speed: 1_000_000, turnShare: 1 });
  await modelServed(world, 'orders');
  await replaysDone(world);
  inference = inferenceClient(grpcAddress);
  ingestion = ingestionClient(grpcAddress);
  events = `${url}/v1/events/orders`;
  labels = `${url}/v1/labels/orders`;
});

afterAll(async () => {
  inference.close();
  ingestion.close();
  await world.stop();
  await remove();
});

const settled = () => world.platform.ports.activity.idle(world.platform.ports.bus);
type Predictions = DataOf<typeof predictionLogged>;

/** Logged predictions of a row, each with its kind. */
async function predictionsOf(id: string): Promise<{ kind: string; model: number | undefined }[]> {
  await settled();
  const logged = await eventsOf(world.platform.ports.bus, 'predictions');
  return logged.flatMap((event) => {
    const { kind, ids, arms } = event.data as Predictions;
    const model = arms.find((one) => one.arm === 'champion')?.model;
    return ids.filter((one) => one === id).map(() => ({ kind, model }));
  });
}

describe('POST /v1/events', () => {
  test('takes an object and an array, says which records it refuses, and how', async () => {
    expect(await post(events, order('h1', later))).toMatchObject({
      status: 202,
      body: { accepted: 1, ids: ['h1'], rejected: [] },
    });
    const mixed = [order('h2', later), { order_id: 'h3' }, order('h4', later, { discount: [1] }), 'no record'];
    const { status, body } = await post(events, mixed);
    expect(status).toBe(202);
    expect(body).toEqual({
      accepted: 1,
      ids: ['h2'],
      rejected: [
        { index: 1, code: 'MISSING_COLUMN', column: 'at', message: expect.any(String) },
        { index: 2, code: 'NOT_SCALAR', column: 'discount', message: expect.any(String) },
        { index: 3, code: 'INVALID_RECORD', column: '', message: expect.any(String) },
      ],
    });
  });

  test('takes CloudEvents, structured and binary', async () => {
    const attributes = { specversion: '1.0', type: 'shop.order', source: '/shop/1', time: at(later) };
    const data = { region: 'south', discount: 0.1, order_id: 'inner' };
    const structured = { ...attributes, id: 'c1', data };
    const json = { 'content-type': 'application/cloudevents+json; charset=utf-8' };
    expect(await post(events, structured, json)).toMatchObject({ status: 202, body: { ids: ['/shop/1 c1'] } });
    const headers = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value]));
    expect(await post(events, data, { ...headers, 'ce-id': 'c2' })).toMatchObject({
      status: 202,
      body: { accepted: 1, ids: ['/shop/1 c2'], rejected: [] },
    });
    expect(await predictionsOf('/shop/1 c1')).toEqual([{ kind: 'stream', model: 1 }]);
    const { source: _, ...unnamed } = structured;
    expect(await post(events, unnamed, json)).toMatchObject({
      status: 400,
      body: { error: { code: 'INVALID_EVENT' } },
    });
  });

  test.each([
    ['no JSON', '{"order_id": ', 400, 'INVALID_EVENT'],
    ['an empty array', [], 400, 'INVALID_EVENT'],
    ['nothing acceptable', [{ order_id: 'x' }], 400, 'INVALID_EVENT'],
    ['a record too large', order('big', later, { region: 'x'.repeat(300_000) }), 413, 'TOO_LARGE'],
    ['a request too large', `"${'x'.repeat(17 * 1024 * 1024)}"`, 413, 'TOO_LARGE'],
  ])('refuses %s', async (_what, body, status, code) => {
    const answer = await post(events, body);
    expect(answer).toMatchObject({
      status,
      body: { error: { code, message: expect.any(String), remedy: expect.any(String) } },
    });
  });

  test('knows its pipelines, streams and types of content', async () => {
    const { url } = world.platform;
    expect((await post(`${url}/v1/events/nobody`, order('n', later))).status).toBe(404);
    expect((await post(`${url}/v1/labels/nobody`, { event_id: 'a', value: 1 })).status).toBe(404);
    expect((await post(`${events}?stream=weather`, order('n', later))).status).toBe(404);
    expect((await post(events, 'a,b', { 'content-type': 'text/csv' })).status).toBe(415);
  });

  test('a duplicate is accepted, counted as one, and predicted once', async () => {
    const sent = await recordsIn(world.platform.ports.bus, 'data.raw');
    const before = await eventually('the checkpoint of what came before', async () => {
      const counts = await countsOf(world, 'orders');
      return counts['received'] === sent.length && counts;
    });
    const twice = [order('d1', later), order('d1', later, { discount: 0.1 })];
    expect(await post(events, twice)).toMatchObject({ status: 202, body: { accepted: 2, ids: ['d1', 'd1'] } });
    expect(await post(events, order('d1', later))).toMatchObject({ status: 202 });
    const predictions = await predictionsOf('d1');
    expect(predictions).toEqual([{ kind: 'stream', model: 1 }]);
    const received = (before['received'] ?? 0) + 3;
    const after = await eventually('the next checkpoint', async () => {
      const counts = await countsOf(world, 'orders');
      return counts['received'] === received && counts;
    });
    expect(after['duplicates']).toBe((before['duplicates'] ?? 0) + 2);
    expect(after['validated']).toBe((before['validated'] ?? 0) + 1);
  });

  test('what breaks the contract is in quarantine with its reasons', async () => {
    const wrong = order('q1', later, { region: 'moon', discount: 7, colour: 'red' });
    expect(await post(events, wrong)).toMatchObject({ status: 202 });
    await settled();
    const quarantine = await eventsOf(world.platform.ports.bus, 'data.quarantine');
    const records = quarantine.flatMap((event) => dataQuarantined.read(event).data.records);
    const [record] = records.filter(({ id }) => id === 'q1');
    expect(record?.reasons.map(({ code, column }) => `${code} ${column}`).sort()).toEqual([
      'RANGE discount',
      'UNKNOWN_COLUMN colour',
      'VALUES region',
    ]);
    expect(record?.values).toMatchObject({ region: 'moon', discount: 7, colour: 'red' });
    expect(await predictionsOf('q1')).toEqual([]);
    // The corrected one is none of a kind that was there.
    await post(events, order('q1', later));
    expect(await predictionsOf('q1')).toHaveLength(1);
  });
});

test('relearn.v1.Ingestion/Publish takes records and answers like the HTTP door', async () => {
  const values = (region: string) => ({
    region: { text: region },
    discount: { number: 0.5 },
    order_id: { text: 'inner' },
  });
  const records = [
    { id: 'g1', source: '/grpc', time: at(later), values: values('east') },
    { id: 'g2', source: '/grpc', values: values('east') },
  ];
  expect(await ingestion.call('Publish', { pipeline: 'orders', records })).toMatchObject({
    accepted: 1,
    ids: ['/grpc g1'],
    rejected: [{ index: 1, code: 'MISSING_COLUMN', column: 'at' }],
  });
  expect(await predictionsOf('/grpc g1')).toHaveLength(1);
  const bad = (request: object) => ingestion.call('Publish', request).catch((status: unknown) => status);
  expect(await bad({ pipeline: 'nobody', records })).toMatchObject({ code: 5 });
  expect(await bad({ pipeline: 'orders', records: [{ id: 'g3', values: {} }] })).toMatchObject({ code: 3 });
});

test('a live row is a feature row, is scored, and its label is in the outcomes of its window', async () => {
  const start = later + 2 * day;
  const { bus } = world.platform.ports;
  await post(events, [order('l1', start + hour), order('l2', start + 2 * hour)]);
  await settled();
  const computed = (await eventsOf(bus, 'features')).map((event) => event.data as DataOf<typeof featuresComputed>);
  const features = computed.find(({ ids }) => ids.includes('l2'));
  const row = features?.ids.indexOf('l2') ?? -1;
  expect(
    Object.fromEntries(Object.entries(features?.columns ?? {}).map(([name, cells]) => [name, cells[row]])),
  ).toEqual({
    region: 'north',
    discount: 0.9,
    hour: 2,
  });
  expect(await predictionsOf('l2')).toEqual([{ kind: 'stream', model: 1 }]);

  const asked = await inference.call<InferAnswer>(
    'ModelInfer',
    orderRequest([{ region: 'north', discount: 0.9, hour: 2 }], { id: 'l2' }),
  );
  expect(asked.modelVersion).toBe('1');
  await eventually('the log of the request', async () => (await predictionsOf('l2')).length === 2);
  const known = at(start + 3 * hour);
  const answer = await post(labels, [
    { event_id: 'l1', value: 1, known_at: known },
    { event_id: 'l2', value: 0, known_at: known },
    { event_id: 'l3' },
  ]);
  expect(answer).toMatchObject({
    status: 202,
    body: { accepted: 2, rejected: [{ index: 2, code: 'MISSING_COLUMN', column: 'value' }] },
  });
  expect((await post(labels, { event_id: 'l1' })).status).toBe(400);
  await post(events, order('l9', start + 2 * day));
  await settled();

  const windows = (await eventsOf(bus, 'monitoring'))
    .filter((event) => windowProfiled.is(event))
    .map(({ data }) => data as DataOf<typeof windowProfiled>);
  const outcomes = windows.find((window) => window.part === 'outcomes' && window.start === start);
  expect(outcomes).toMatchObject({ rows: 2, labelled: 2 });
  const arms = outcomes?.models.map(({ arm, model }) => `${arm} ${model}`);
  expect(arms).toEqual(['champion 1', 'frozen 1']);
});

describe('the Open Inference Protocol', () => {
  const some = [
    { region: 'north', discount: 0.95, hour: 1 },
    { region: 'west', discount: 0.05, hour: 2 },
  ];

  test('answers over gRPC and REST alike, and logs what it answered once', async () => {
    const ids = JSON.stringify(['p1', 'p2']);
    const parameters = { event_ids: { stringParam: ids } };
    const answer = await inference.call<InferAnswer>('ModelInfer', orderRequest(some, { id: 'req-1', parameters }));
    expect(answer).toMatchObject({ modelName: 'orders', modelVersion: '1', id: 'req-1' });
    const place = answer.outputs.findIndex(({ name }) => name === 'probability');
    const raw = Buffer.from(answer.rawOutputContents[place] ?? Buffer.alloc(0));
    const [sure, unsure] = [raw.readFloatLE(0), raw.readFloatLE(4)];
    expect(sure).toBeGreaterThan(0.6);
    expect(unsure).toBeLessThan(0.4);

    const column = (name: string, datatype: string, data: unknown[]) => ({ name, datatype, shape: [2, 1], data });
    const json = {
      id: 'req-2',
      parameters: { event_ids: JSON.stringify(['p3', 'p4']) },
      inputs: [
        column('region', 'BYTES', ['north', 'west']),
        column('discount', 'FP32', [0.95, 0.05]),
        column('hour', 'FP32', [1, 2]),
      ],
    };
    const { status, body } = await post(`${world.platform.url}/v2/models/orders/infer`, json);
    expect(status).toBe(200);
    const outputs = (body as { outputs: { name: string; data: number[] }[] }).outputs;
    expect(outputs.find(({ name }) => name === 'probability')?.data.map(Math.fround)).toEqual([sure, unsure]);

    for (const id of ['p1', 'p2', 'p3', 'p4']) {
      await eventually(`the log of ${id}`, async () => (await predictionsOf(id)).length > 0);
      expect(await predictionsOf(id)).toEqual([{ kind: 'request', model: 1 }]);
    }
  });

  test('tells what there is, and refuses what does not fit', async () => {
    const { url } = world.platform;
    expect(await get(`${url}/v2/models/orders`)).toMatchObject({
      status: 200,
      body: { name: 'orders', versions: ['1'] },
    });
    expect(await get(`${url}/v2/models/orders/versions/1/ready`)).toMatchObject({ status: 200 });
    expect((await get(`${url}/v2/models/nobody`)).status).toBe(404);
    expect(await inference.call('ModelReady', { name: 'orders' })).toEqual({ ready: true });
    const bad = (request: object) => inference.call('ModelInfer', request).catch((status: unknown) => status);
    expect(await bad(orderRequest(some, { modelName: 'nobody' }))).toMatchObject({ code: 5 });
    expect(await bad(orderRequest(some, { modelVersion: '7' }))).toMatchObject({ code: 5 });
    const short = { ...orderRequest(some), rawInputContents: [Buffer.alloc(0), Buffer.alloc(8), Buffer.alloc(4)] };
    expect(await bad(short)).toMatchObject({ code: 3 });
    const ids = { event_ids: { stringParam: '["one"]' } };
    expect(await bad(orderRequest(some, { parameters: ids }))).toMatchObject({ code: 3 });
  });
});

test('probes and metrics tell how it is', async () => {
  const { url, grpcAddress } = world.platform;
  const health = grpcClient(grpcAddress, 'grpc/health/v1/health.proto', 'grpc.health.v1.Health');
  for (const service of ['', 'inference.GRPCInferenceService', 'relearn.v1.Ingestion']) {
    expect(await health.call('Check', { service })).toMatchObject({ status: 'SERVING' });
  }
  health.close();
  expect(await get(`${url}/healthz`)).toMatchObject({ status: 200, body: { status: 'ok' } });
  expect(await get(`${url}/readyz`)).toMatchObject({ status: 200, body: { status: 'ready' } });
  const { status, body } = await get(`${url}/metrics`);
  expect(status).toBe(200);
  const wanted = [
    'relearn_records_total{service="validation",pipeline="orders",result="validated"}',
    'relearn_model_info{pipeline="orders",model="1"}',
    'relearn_turns_total{pipeline="orders",outcome="promoted"}',
    'relearn_predictions_total{pipeline="orders",model="1",arm="champion",kind="stream"}',
    'messaging_client_sent_messages_total{messaging_system="embedded",messaging_destination_name="data.raw"}',
    'relearn_request_seconds_count{method="GET",route="/healthz",status="200"}',
  ];
  for (const series of wanted) expect(valueOf(String(body), series)).toBeGreaterThan(0);
  await eventually('no lag', async () => {
    const again = await get(`${url}/metrics`);
    return valueOf(String(again.body), 'relearn_consumer_lag_records{service="feature",topic="data.valid"}') === 0;
  });
});

/** A series' value in Prometheus' text; undefined where it is not there. */
function valueOf(text: string, series: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length));
}

test('a record that could not be taken is taken when it is sent back', async () => {
  const { ports, url } = world.platform;
  // As a door would stamp it whose view of the log is ahead of all: the version is applied only later.
  const section = { stream: 'rows', ids: ['early'], times: [later], columns: {} };
  const source = 'door/ahead';
  const event = {
    ...{ id: `${source}@1`, source, sequence: 1, previous: null, time: at(later), pipeline: 'orders' },
    type: dataReceived.type,
    pipelineversion: 2,
    data: { order: [0], sections: [section] },
  };
  const [partition = 0] = ports.catalog.latest('orders')?.shards ?? [];
  await ports.bus.publish([{ topic: 'data.raw', partition, key: 'orders', ...encodeEvent(event) }]);
  const list = async () => {
    const { body } = await get(`${url}/api/v1/dead-letters`);
    return (body as { deadLetters: { id: string; replayed: boolean }[] }).deadLetters;
  };
  const [letter] = await eventually('a dead letter', async () => ((await list()).length > 0 ? await list() : false));
  expect(letter).toMatchObject({ topic: 'data.raw', records: 1, type: dataReceived.type, replayed: false });
  const shown = await get(`${url}/api/v1/dead-letters/${encodeURIComponent(letter?.id ?? '')}`);
  expect(JSON.parse(Buffer.from((shown.body as { value: string }).value, 'base64').toString('utf8'))).toEqual(
    event.data,
  );
  const changed = ordersPipeline({ more: retrainByHand, minimumRows: 460 });
  expect((await post(`${url}/api/v1/pipelines`, { file: changed })).status).toBe(200);
  expect(await post(`${url}/api/v1/dead-letters/replay`, { id: letter?.id })).toMatchObject({ status: 400 });
  for (const requested of [[letter?.id], []]) {
    const answer = await post(`${url}/api/v1/dead-letters/replay`, { pipeline: 'orders' });
    expect(answer).toMatchObject({ status: 202, body: { requested } });
  }
  await eventually('its verdict', async () => {
    const refused = await eventsOf(ports.bus, 'data.quarantine');
    return refused.some((one) => dataQuarantined.is(one) && one.data.records.some(({ id }) => id === 'early'));
  });
  expect((await list())[0]).toMatchObject({ id: letter?.id, replayed: true });
  const told = await run('.', ['events', '--topic', 'data.quarantine'], { RELEARN_URL: url });
  expect(told.out).toMatch(/^ {4}early {2}\S+: .* \([A-Z_]+\)$/m);
});

test('all of it leaves a log without a fault', async () => {
  const valid = await recordsIn(world.platform.ports.bus, 'data.valid');
  const ids = valid.filter(({ stream }) => stream === 'rows').map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect((await auditAtRest(world)).violations).toEqual([]);
});
