import { RelearnError, systemClock } from '@relearn/kernel';
import { afterEach, describe, expect, it } from 'vitest';
import type { PredictionRecord } from '../src/inference/prediction-record.js';
import { columnsByName, columnsOf } from '../src/inference/values.js';
import { HeldSessions } from './held-sessions.js';
import { flightModel, fragileModel, linearModel, slowModel } from './models.js';
import { byteStrings, floatsOf, fp32, linearRequest, load, rawRequest, type Served, serve } from './serve.js';

let served: Served | undefined;

afterEach(async () => {
  await served?.stop();
  served = undefined;
});

const slowRequest = (x: number) => rawRequest('slow', { x: { datatype: 'FP32', shape: [1, 1], raw: fp32(x) } });

describe('under load', () => {
  it('fails no request while 20 swaps happen', async () => {
    const { host, client } = (served = await serve());
    await load(host, 'linear', 1, linearModel(1));
    let swapping = true;
    const versions = new Set<string>();
    const wrong: unknown[] = [];
    let asked = 0;
    const caller = async (own: number) => {
      while (swapping) {
        asked += 1;
        try {
          const answer = await client.modelInfer(linearRequest([own], [asked]));
          const [score] = floatsOf(answer.rawOutputContents[0]);
          versions.add(answer.modelVersion);
          if (score !== undefined && Math.abs(score - 2 * own - Number(answer.modelVersion)) % 3 !== 0)
            wrong.push(answer);
        } catch (thrown) {
          wrong.push(thrown);
        }
      }
    };
    const callers = Array.from({ length: 8 }, (_, own) => caller(own));
    for (let version = 2; version <= 21; version++) {
      const model = linearModel(version);
      await host.load('linear', version, model.onnx, null, model);
      host.setDefault('linear', version);
      await host.unload('linear', version - 1);
      const before = asked;
      while (asked < before + 25) await systemClock.sleep(1);
    }
    swapping = false;
    await Promise.all(callers);
    expect(wrong).toEqual([]);
    expect(versions.size).toBeGreaterThan(18);
    expect(asked).toBeGreaterThan(400);
  });

  it('gives every one of many requests its own answer, while the stream is scored beside them', async () => {
    const { host, client } = (served = await serve());
    await load(host, 'flights', 1, flightModel());
    const request = (value: number) =>
      rawRequest('flights', {
        distance: { datatype: 'FP32', shape: [2, 1], raw: fp32(value, -value) },
        carrier: { datatype: 'BYTES', shape: [2, 1], raw: byteStrings('x'.repeat(value % 7), 'AA') },
      });
    const stream = Array.from({ length: 1_000 }, (_, row) => row);
    const scoring = Promise.all(
      [1, 2, 3].map(() => host.run('flights', null, { distance: stream, carrier: stream.map(() => 'BB') })),
    );
    const answers = await Promise.all(Array.from({ length: 300 }, (_, value) => client.modelInfer(request(value))));
    answers.forEach(({ rawOutputContents }, value) => {
      expect(floatsOf(rawOutputContents[0])).toEqual([value - 1, -value + 10]);
      expect(Buffer.from(rawOutputContents[1] ?? [])).toEqual(byteStrings('x'.repeat(value % 7), 'AA'));
    });
    for (const outputs of await scoring) expect(columnsByName(outputs)['score']).toEqual(stream.map((row) => row + 20));
  });

  it('lets no poison reach a neighbour', async () => {
    const { host, client } = (served = await serve());
    await load(host, 'fragile', 1, fragileModel());
    const request = (at: number) =>
      rawRequest('fragile', {
        at: { datatype: 'INT64', shape: [1], raw: Buffer.from(new BigInt64Array([BigInt(at)]).buffer) },
      });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 100 }, (_, index) => client.modelInfer(request(index % 4))),
    );
    outcomes.forEach((outcome, index) => {
      if (index % 4 === 3) expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'INTERNAL' } });
      else
        expect(outcome.status === 'fulfilled' && floatsOf(outcome.value.rawOutputContents[0])).toEqual([
          100 + (index % 4),
        ]);
    });
  });

  it('refuses what the queue cannot hold, and answers the rest', async () => {
    const { host, client } = (served = await serve({ maxQueuedRequests: 4, maxBatchRows: 1 }));
    await load(host, 'slow', 1, slowModel(20));
    const outcomes = await Promise.allSettled(Array.from({ length: 40 }, (_, x) => client.modelInfer(slowRequest(x))));
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(40);
    for (const outcome of refused) {
      expect(outcome).toMatchObject({ reason: { code: 'UNAVAILABLE', message: 'Exceeds maximum queue size' } });
    }
  });

  it('survives a burst of cancelled calls', async () => {
    const { host, client } = (served = await serve());
    await load(host, 'linear', 1, linearModel());
    for (let round = 0; round < 3; round++) {
      const controllers = Array.from({ length: 200 }, () => new AbortController());
      const calls = Promise.allSettled(
        controllers.map(({ signal }) => client.modelInfer(linearRequest([1], [1]), { signal })),
      );
      await systemClock.breathe();
      for (const controller of controllers) controller.abort();
      await calls;
    }
    expect(floatsOf((await client.modelInfer(linearRequest([1], [1]))).rawOutputContents[0])).toEqual([5]);
    while (host.inFlight > 0) await systemClock.breathe();
  });

  it('stays ready to answer while a model computes', async () => {
    const { host, client } = (served = await serve());
    await load(host, 'slow', 1, slowModel(1_000));
    let answered = false;
    const running = client.modelInfer(slowRequest(1)).then(() => {
      answered = true;
    });
    while (host.inFlight < 1) await systemClock.breathe();
    expect(await client.serverLive({})).toEqual({ live: true });
    expect(answered).toBe(false);
    await running;
  });

  it('never runs what was cancelled, or past its deadline, while it waited', async () => {
    const records: PredictionRecord[] = [];
    const held = new HeldSessions();
    const { host, client } = (served = await serve({
      sessions: held.open,
      log: (run) => void records.push(...run),
    }));
    await load(host, 'slow', 1, slowModel(1));
    held.hold();
    const running = client.modelInfer({ ...slowRequest(1), id: 'first' });
    while (!held.holds) await systemClock.breathe();
    const controller = new AbortController();
    const doomed = client.modelInfer({ ...slowRequest(2), id: 'doomed' }, { signal: controller.signal });
    while (host.inFlight < 2) await systemClock.breathe();
    const late = client.modelInfer({ ...slowRequest(3), id: 'late' }, { deadline: systemClock.now() + 20 });
    const outcomes = Promise.allSettled([doomed, late]);
    controller.abort();
    expect(await outcomes).toMatchObject([
      { reason: { code: 'CANCELLED' } },
      { reason: { code: 'DEADLINE_EXCEEDED' } },
    ]);
    // An answer comes after what the client took back has come in; a deadline counts from when its request came in.
    expect(await client.serverLive({})).toEqual({ live: true });
    await systemClock.sleep(25);
    held.release();
    await running;
    await client.modelInfer({ ...slowRequest(4), id: 'last' });
    const told = records.map(({ id, failure }) => [id, failure]);
    expect(told).toEqual([
      ['first', undefined],
      ['late', 'DEADLINE_EXCEEDED'],
      ['last', undefined],
    ]);
  });
});

describe('the prediction log', () => {
  it('hears of each answer once, with its rows by event id, whatever batch it came in', async () => {
    const runs: (readonly PredictionRecord[])[] = [];
    const { host, client } = (served = await serve({ log: (records) => void runs.push(records) }));
    await load(host, 'flights', 3, flightModel());
    const tensors = (rows: number) => ({
      distance: { datatype: 'FP32', shape: [rows, 1], raw: fp32(...new Array<number>(rows).fill(Number.NaN)) },
      carrier: { datatype: 'BYTES', shape: [rows, 1], raw: byteStrings(...new Array<string>(rows).fill('AA')) },
    });
    const listed = (index: number) => ({ event_ids: { stringParam: JSON.stringify([`e${index}`, null]) } });
    await Promise.all([
      ...Array.from({ length: 20 }, (_, index) =>
        client.modelInfer(rawRequest('flights', tensors(2), { id: `r${index}`, parameters: listed(index) })),
      ),
      client.modelInfer(rawRequest('flights', tensors(1), { id: 'single' })),
    ]);
    const records = runs.flat();
    expect(runs.length).toBeLessThan(21);
    expect(records.map(({ id }) => id).sort()).toEqual(
      [...Array.from({ length: 20 }, (_, index) => `r${index}`), 'single'].sort(),
    );
    const [record] = records.filter(({ id }) => id === 'r4');
    expect(record).toMatchObject({ model: 'flights', version: '3', rows: 2, eventIds: ['e4', null] });
    expect(record?.receivedAt).toBeGreaterThan(1.7e12);
    expect(columnsOf(record?.inputs ?? [])).toEqual({ distance: [null, null], carrier: ['AA', 'AA'] });
    expect(columnsOf(record?.outputs ?? [])).toEqual({ score: [null, null], echo: ['AA', 'AA'] });
    expect(records.find(({ id }) => id === 'single')?.eventIds).toEqual(['single']);
  });

  it('that is full makes the answer RESOURCE_EXHAUSTED', async () => {
    const full = () => {
      throw new RelearnError('RESOURCE_EXHAUSTED', 'the spool is full', { retryAfterMs: 500 });
    };
    const { host, client, app } = (served = await serve({ log: full }));
    await load(host, 'linear', 1, linearModel());
    await expect(client.modelInfer(linearRequest([1], [1]))).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      retryAfterMs: 500,
    });
    const inputs = ['a', 'b'].map((name) => ({ name, datatype: 'FP32', shape: [1, 1], data: [1] }));
    const answer = await app.inject({
      method: 'POST',
      url: '/v2/models/linear/infer',
      payload: JSON.stringify({ inputs }),
    });
    expect(answer.statusCode).toBe(429);
    expect(answer.headers['retry-after']).toBe('1');
  });
});
