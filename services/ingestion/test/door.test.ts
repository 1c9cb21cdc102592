import { deflateSync, gzipSync } from 'node:zlib';
import { RelearnError, systemKernel } from '@relearn/kernel';
import { InProcessRpc } from '@relearn/rpc/in-process';
import { setBusinessNow } from '@relearn/runtime';
import fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { createDoor, type Door, ingestionHandlers, ingestionService, registerIngestionRoutes } from '../src/index.js';
import { hour, iso, minute, openWorld, pipelineSpec, type SpecChanges, start, type World } from './harness.js';

let world: World;
let door: Door;
let app: FastifyInstance;

async function openDoor(changes: SpecChanges = {}, partitions = 1): Promise<void> {
  await closeDoor();
  world = await openWorld(partitions);
  await world.apply(pipelineSpec(changes));
  door = createDoor(world.ports);
  app = fastify();
  registerIngestionRoutes(app, door);
}

async function closeDoor(): Promise<void> {
  await app?.close();
  await world?.stop();
}

async function post(url: string, payload: unknown, headers: Record<string, string> = {}) {
  const text = typeof payload === 'string' || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload);
  const response = await app.inject({
    method: 'POST',
    url,
    payload: text,
    headers: { 'content-type': 'application/json', ...headers },
  });
  return { status: response.statusCode, body: response.json(), headers: response.headers };
}

const at = iso(start);
const trip = (id: string, more: Record<string, unknown> = {}) => ({ id, at, place: 'north', ...more });

beforeEach(() => openDoor());
afterAll(() => closeDoor());

describe('POST /v1/events', () => {
  it('takes one object or an array and answers with ids once they are durable', async () => {
    expect(await post('/v1/events/trips', trip('a'))).toMatchObject({
      status: 202,
      body: { accepted: 1, ids: ['a'], rejected: [] },
    });
    expect((await post('/v1/events/trips', [trip('b'), trip('c')])).body).toMatchObject({
      accepted: 2,
      ids: ['b', 'c'],
    });
    const written = await world.written();
    expect(written.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    expect(written[0]).toMatchObject({ stream: 'rows', time: start, values: trip('a') });
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ])('takes a body in %s', async (encoding, pack) => {
    const packed = pack(JSON.stringify([trip('a'), trip('b')]));
    const { status, body } = await post('/v1/events/trips', packed, { 'content-encoding': encoding });
    expect([status, body.ids]).toEqual([202, ['a', 'b']]);
  });

  it.each([
    ['an encoding that it does not know', 'br', '{}', 400, "the content encoding 'br' is not read here"],
    ['what is not so encoded', 'gzip', '{}', 400, 'the body is not gzip'],
    ['what is too large once it is inflated', 'gzip', gzipSync(Buffer.alloc(17 << 20)), 413, 'bytes, inflated'],
    ['what is no UTF-8', 'identity', Buffer.from([0x22, 0xff, 0x22]), 400, 'the body is not UTF-8'],
  ])('refuses %s', async (_, encoding, payload, status, message) => {
    const answer = await post('/v1/events/trips', payload, { 'content-encoding': encoding });
    expect([answer.status, answer.body.error.message]).toEqual([status, expect.stringContaining(message)]);
    expect(await world.written()).toEqual([]);
  });

  it('takes a structured CloudEvent', async () => {
    const event = { specversion: '1.0', id: '7', source: '/gates/4', type: 'trip', time: at, data: { place: 'x' } };
    const { status, body } = await post('/v1/events/trips', event, { 'content-type': 'application/cloudevents+json' });
    expect([status, body.ids]).toEqual([202, ['/gates/4 7']]);
    expect(await world.written()).toMatchObject([{ id: '/gates/4 7', time: start, values: { place: 'x', at } }]);
  });

  it('takes a binary CloudEvent', async () => {
    const headers = { 'ce-specversion': '1.0', 'ce-id': '7', 'ce-source': '/gates/4', 'ce-type': 'trip' };
    expect((await post('/v1/events/trips', trip('a'), headers)).body.ids).toEqual(['/gates/4 7']);
  });

  it.each([['id'], ['source'], ['type'], ['specversion']])('refuses a CloudEvent without %s', async (name) => {
    const event = { specversion: '1.0', id: '7', source: '/s', type: 't', data: trip('a'), [name]: undefined };
    const answer = await post('/v1/events/trips', event, { 'content-type': 'application/cloudevents+json' });
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'INVALID_EVENT' } } });
    expect(answer.body.error.message).toContain(`'${name}'`);
  });

  it('takes a batch of CloudEvents and tells by index what is none', async () => {
    const event = (id: string | undefined) => ({ specversion: '1.0', id, source: '/s', type: 't', data: trip('a') });
    const headers = { 'content-type': 'application/cloudevents-batch+json; charset=utf-8' };
    const { status, body } = await post('/v1/events/trips', [event('1'), event(undefined), 7, event('2')], headers);
    expect(status).toBe(202);
    expect(body).toMatchObject({
      ids: ['/s 1', '/s 2'],
      rejected: [
        { index: 1, code: 'INVALID_RECORD', message: expect.stringContaining("'id'") },
        { index: 2, code: 'INVALID_RECORD' },
      ],
    });
    expect(await post('/v1/events/trips', event('3'), headers)).toMatchObject({ status: 400 });
    expect(await post('/v1/events/trips', [], headers)).toMatchObject({ status: 400 });
  });

  it('accepts what it can and tells the rest by index', async () => {
    const records = [trip('a'), { id: 'b' }, trip('c', { at: 'soon' }), trip('d', { place: { x: 1 } }), 7, trip('e')];
    const { status, body } = await post('/v1/events/trips', records);
    expect(status).toBe(202);
    expect(body).toMatchObject({ accepted: 2, ids: ['a', 'e'] });
    expect(body.rejected.map(({ index, code, column }: Record<string, unknown>) => [index, code, column])).toEqual([
      [1, 'MISSING_COLUMN', 'at'],
      [2, 'INVALID_TIME', 'at'],
      [3, 'NOT_SCALAR', 'place'],
      [4, 'INVALID_RECORD', ''],
    ]);
  });

  it('refuses live times more than a day ahead, which would make all that follows late', async () => {
    const ahead = (ms: number) => iso(systemKernel.clock.wall() + ms);
    const records = [
      trip('a', { at: ahead(25 * hour) }),
      trip('b', { at: ahead(23 * hour) }),
      trip('c', { delay: 1, arrived_at: ahead(25 * hour) }),
    ];
    const { body } = await post('/v1/events/trips', records);
    expect(body).toMatchObject({
      ids: ['b'],
      rejected: [
        { index: 0, code: 'INVALID_TIME', column: 'at', message: expect.stringContaining('a day ahead') },
        { index: 2, code: 'INVALID_TIME', column: 'arrived_at' },
      ],
    });
    const late = { event_id: 'b', value: 1, known_at: ahead(25 * hour) };
    expect(await post('/v1/labels/trips', late)).toMatchObject({
      status: 400,
      body: { rejected: [{ code: 'INVALID_TIME', column: 'known_at' }] },
    });
    await setBusinessNow(world.ports, 'trips', start);
    expect((await post('/v1/events/trips', records)).body.ids).toEqual(['a', 'b', 'c']);
  });

  it('answers 400 when nothing is acceptable', async () => {
    const { status, body } = await post('/v1/events/trips', [{ id: 'a' }]);
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { code: 'INVALID_EVENT' }, rejected: [{ index: 0, column: 'at' }] });
    expect((await post('/v1/events/trips', [])).status).toBe(400);
    expect((await post('/v1/events/trips', '{"id":')).body.error.message).toBe('the body is not JSON');
  });

  it('answers 413 for a record or a request that is too large', async () => {
    const large = await post('/v1/events/trips', trip('a', { place: 'x'.repeat(3000) }));
    expect(large).toMatchObject({
      status: 413,
      body: { error: { code: 'TOO_LARGE' }, rejected: [{ code: 'TOO_LARGE' }] },
    });
    expect(await post('/v1/events/trips', `"${'x'.repeat(17 << 20)}"`)).toMatchObject({ status: 413 });
  });

  it.each([
    ['an unknown pipeline', '/v1/events/tripz'],
    ['an unknown stream', '/v1/events/trips?stream=tides'],
    ['a stream that only objects have', '/v1/events/trips?stream=constructor'],
  ])('answers 404 for %s', async (_, url) => {
    expect(await post(url, trip('a'))).toMatchObject({ status: 404, body: { error: { code: 'NOT_FOUND' } } });
  });

  it('refuses columns whose names every object has', async () => {
    const { body } = await post('/v1/events/trips', `{"id":"a","at":"${at}","__proto__":1}`);
    expect(body.rejected).toMatchObject([{ code: 'INVALID_COLUMN', column: '__proto__' }]);
  });

  it('answers 415 for what is no JSON', async () => {
    const answer = await post('/v1/events/trips', 'id=a', { 'content-type': 'application/x-www-form-urlencoded' });
    expect(answer.status).toBe(415);
    expect(answer.body.error.remedy).toContain('application/json');
  });

  it('answers 503 with Retry-After when the bus is away', async () => {
    world.failWith(new RelearnError('UNAVAILABLE', 'no broker'));
    const answer = await post('/v1/events/trips', trip('a'));
    expect(answer).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      body: { error: { code: 'UNAVAILABLE' } },
    });
  });

  it('answers 429 with Retry-After while too much is under way, and lets in again after', async () => {
    const small = createDoor(world.ports, { maxBytesUnderWay: 100 });
    const first = small.publish({ pipeline: 'trips', records: [{ values: trip('a') }] });
    const second = small.publish({ pipeline: 'trips', records: [{ values: trip('b', { place: 'x'.repeat(90) }) }] });
    await expect(second).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED', retryAfterMs: 1000 });
    await first;
    const third = await small.publish({ pipeline: 'trips', records: [{ values: trip('c') }] });
    expect(third.ids).toEqual(['c']);
    world.failWith(new RelearnError('RESOURCE_EXHAUSTED', 'full', { retryAfterMs: 2500 }));
    expect(await post('/v1/events/trips', trip('d'))).toMatchObject({ status: 429, headers: { 'retry-after': '3' } });
  });

  it('parts a live row from its label, which takes its place after the row', async () => {
    await post('/v1/events/trips', trip('a', { delay: 30, arrived_at: iso(start + hour) }));
    await post('/v1/events/trips', trip('b', { delay: 30, arrived_at: null }));
    expect(await world.written()).toMatchObject([
      { stream: 'rows', id: 'a', values: trip('a') },
      { stream: 'labels', time: start + hour, values: { event_id: 'a', value: 1 } },
      { stream: 'rows', id: 'b' },
    ]);
  });
});

describe('ids of records without one', () => {
  beforeEach(() => openDoor({ id: [] }));

  it('come from the Idempotency-Key and the index', async () => {
    const { body } = await post('/v1/events/trips', [trip('a'), trip('b')], { 'idempotency-key': 'k1' });
    expect(body.ids).toEqual(['k1#0', 'k1#1']);
  });

  it('are new ones at last, and of context its content', async () => {
    const ids = (await post('/v1/events/trips', [trip('a'), trip('a')])).body.ids as string[];
    expect(new Set(ids).size).toBe(2);
    const weather = { seen_at: at, rain: 1 };
    const first = (await post('/v1/events/trips?stream=weather', weather)).body.ids;
    expect((await post('/v1/events/trips?stream=weather', weather)).body.ids).toEqual(first);
    expect((await post('/v1/events/trips?stream=weather', { ...weather, rain: 2 })).body.ids).not.toEqual(first);
  });
});

describe('POST /v1/labels', () => {
  it('takes labels at their known-at time or at the business time', async () => {
    await setBusinessNow(world.ports, 'trips', start + 5 * hour);
    const labels = [
      { event_id: 'a', value: 1, known_at: iso(start + minute) },
      { event_id: 'b', value: 0 },
    ];
    expect(await post('/v1/labels/trips', labels)).toMatchObject({ status: 202, body: { accepted: 2 } });
    expect(await world.written()).toMatchObject([
      { stream: 'labels', id: `a@${start + minute}=1`, time: start + minute, values: { event_id: 'a', value: 1 } },
      { stream: 'labels', id: 'b=0', time: start + 5 * hour },
    ]);
    expect((await world.events())[0]?.event.time).toBe(iso(start + 5 * hour));
  });

  it.each([
    ['event_id', { value: 1 }],
    ['value', { event_id: 'a' }],
    ['known_at', { event_id: 'a', value: 1, known_at: 'soon' }],
    ['weight', { event_id: 'a', value: 1, weight: 2 }],
  ])('answers 400 for a label with a wrong %s', async (column, label) => {
    expect(await post('/v1/labels/trips', label)).toMatchObject({ status: 400, body: { rejected: [{ column }] } });
  });

  it('needs the column that shards, and follows it to the row', async () => {
    await openDoor({ shardBy: 'place' }, 4);
    expect(await post('/v1/labels/trips', { event_id: 'a', value: 1 })).toMatchObject({
      status: 400,
      body: { rejected: [{ code: 'MISSING_COLUMN', column: 'place' }] },
    });
    expect((await post('/v1/events/trips', { id: 'a', at })).status).toBe(400);
    await post('/v1/events/trips', trip('a'));
    await post('/v1/labels/trips', { event_id: 'a', value: 1, place: 'north' });
    const [first, second] = await world.written();
    expect(second).toMatchObject({ stream: 'labels', partition: first?.partition, values: { place: 'north' } });
  });
});

describe('relearn.v1.Ingestion', () => {
  it('publishes rows and labels', async () => {
    const rpc = new InProcessRpc(world.ports.kernel.clock);
    rpc.add(ingestionService, ingestionHandlers(door));
    const client = rpc.client(ingestionService);
    const values = { id: { text: 'a' }, at: { text: at }, delay: { number: 4.5 }, place: {} };
    const answer = await client.publish({ pipeline: 'trips', records: [{ values }, { values: {} }] });
    expect(answer).toMatchObject({ accepted: 1, ids: ['a'], rejected: [{ index: 1, column: 'at' }] });
    const labels = [{ values: { event_id: { text: 'a' }, value: { boolean: true } } }];
    await client.publish({ pipeline: 'trips', stream: 'labels', records: labels });
    expect(await world.written()).toMatchObject([
      { stream: 'rows', values: { id: 'a', at, place: null } },
      { stream: 'labels', values: { event_id: 'a', value: true } },
    ]);
    await expect(client.publish({ pipeline: 'none', records: [] })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(client.publish({ pipeline: 'trips', records: [] })).rejects.toMatchObject({ code: 'INVALID_EVENT' });
    await rpc.close();
  });

  it('answers each request of a stream once its records are durable, and goes on behind a bad one', async () => {
    const rpc = new InProcessRpc(world.ports.kernel.clock);
    rpc.add(ingestionService, ingestionHandlers(door));
    const client = rpc.client(ingestionService);
    const request = (pipeline: string, ...ids: string[]) => ({
      pipeline,
      records: ids.map((id) => ({ values: { at: { text: at }, ...(id === '' ? {} : { id: { text: id } }) } })),
    });
    async function* requests() {
      yield request('trips', 'a', 'b');
      yield { pipeline: 'trips', records: [{ values: {} }] };
      yield request('trips', 'c');
      yield request('none', 'd');
      yield request('trips', 'e');
    }
    const ids: (readonly string[])[] = [];
    const publishing = (async () => {
      for await (const answer of client.publishStream(requests())) {
        ids.push(answer.ids);
        expect((await world.written()).map(({ id }) => id)).toEqual(ids.flat());
        expect(answer.rejected).toHaveLength(answer.accepted === 0 ? 1 : 0);
      }
    })();
    await expect(publishing).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(ids).toEqual([['a', 'b'], [], ['c']]);
  });
});
