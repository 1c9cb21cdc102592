import { systemClock } from '@relearn/kernel';
import { afterEach, describe, expect, it } from 'vitest';
import { HeldSessions } from './held-sessions.js';
import { linearModel } from './models.js';
import { floatsOf, linearRequest, load, type Served, serve, type WireRequest } from './serve.js';

let served: Served | undefined;

afterEach(async () => {
  await served?.stop();
  served = undefined;
});

async function* inTurn(...requests: WireRequest[]): AsyncGenerator<WireRequest> {
  yield* requests;
}

async function all<Message>(messages: AsyncIterable<Message>): Promise<Message[]> {
  const list: Message[] = [];
  for await (const message of messages) list.push(message);
  return list;
}

const numbered = (count: number) =>
  Array.from({ length: count }, (_, index) => linearRequest([index], [0], { id: `r${index}` }));

describe('a stream of inferences', () => {
  it('answers each request in its order, with its id, as final', async () => {
    const { host, client } = (served = await serve());
    await load(host, 'linear', 1, linearModel());
    const told: unknown[] = [];
    for await (const { errorMessage, inferResponse } of client.modelStreamInfer(inTurn(...numbered(600)))) {
      told.push([errorMessage, inferResponse?.id, floatsOf(inferResponse?.rawOutputContents[0])]);
      expect(inferResponse?.parameters['triton_final_response']).toMatchObject({ boolParam: true });
    }
    expect(told).toEqual(Array.from({ length: 600 }, (_, index) => ['', `r${index}`, [2 * index]]));
  });

  it('runs requests of one stream together', async () => {
    const held = new HeldSessions();
    const { host, client } = (served = await serve({ sessions: held.open }));
    await load(host, 'linear', 1, linearModel());
    held.hold();
    const answers = all(client.modelStreamInfer(inTurn(...numbered(9))));
    while (host.inFlight < 9) await systemClock.breathe();
    held.release();
    expect(await answers).toHaveLength(9);
    expect((await client.modelStatistics({ name: 'linear' })).modelStats).toMatchObject([
      { inferenceCount: '9', executionCount: '2' },
    ]);
  });

  it('answers a request while the next is still to come', async () => {
    const { host, client } = (served = await serve());
    await load(host, 'linear', 1, linearModel());
    let answered = 0;
    async function* patient(): AsyncGenerator<WireRequest> {
      for (const request of numbered(3)) {
        const before = answered;
        yield request;
        while (answered === before) await systemClock.breathe();
      }
    }
    for await (const { inferResponse } of client.modelStreamInfer(patient())) {
      expect(inferResponse?.id).toBe(`r${answered}`);
      answered += 1;
    }
    expect(answered).toBe(3);
  });

  it('tells a failure in the stream, and goes on', async () => {
    const { host, client } = (served = await serve());
    await load(host, 'linear', 1, linearModel());
    const requests = inTurn(
      linearRequest([1], [1], { id: 'good' }),
      { ...linearRequest([1], [1], { id: 'nobody' }), modelName: 'x' },
      linearRequest([1], [1, 2], { id: 'uneven' }),
      linearRequest([2], [1], { id: 'last' }),
    );
    const told = await all(client.modelStreamInfer(requests));
    expect(told.map(({ errorMessage, inferResponse }) => [inferResponse?.id, errorMessage])).toEqual([
      ['good', ''],
      ['nobody', "Request for unknown model: 'x' is not found"],
      ['uneven', "[request id: uneven] input 'b' batch size does not match other inputs for 'linear'"],
      ['last', ''],
    ]);
    expect(floatsOf(told[3]?.inferResponse?.rawOutputContents[0])).toEqual([7]);
  });

  it('ends with the status of the first failure where a header asks for that', async () => {
    const { host, client } = (served = await serve());
    await load(host, 'linear', 1, linearModel());
    const requests = inTurn(linearRequest([1], [1], { id: 'good' }), { modelName: 'x' }, linearRequest([1], [1]));
    const told: string[] = [];
    const reading = async () => {
      const metadata = { triton_grpc_error: 'true' };
      for await (const { inferResponse } of client.modelStreamInfer(requests, { metadata })) {
        told.push(inferResponse?.id ?? '');
      }
    };
    await expect(reading()).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(told).toEqual(['good']);
  });

  it('that is given up runs nothing more', async () => {
    const held = new HeldSessions();
    const { host, client } = (served = await serve({ sessions: held.open }));
    await load(host, 'linear', 1, linearModel());
    held.hold();
    const first = client.modelInfer(linearRequest([1], [1]));
    while (!held.holds) await systemClock.breathe();
    const controller = new AbortController();
    const given = all(client.modelStreamInfer(inTurn(...numbered(20)), { signal: controller.signal }));
    while (host.inFlight < 21) await systemClock.breathe();
    controller.abort();
    await expect(given).rejects.toMatchObject({ code: 'CANCELLED' });
    // An answer comes after what the client took back has come in.
    await client.serverLive({});
    held.release();
    await first;
    while (host.inFlight > 0) await systemClock.breathe();
    expect((await client.modelStatistics({ name: 'linear' })).modelStats).toMatchObject([{ executionCount: '1' }]);
  });
});
