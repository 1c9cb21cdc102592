import { connect } from 'node:net';
import { systemClock } from '@relearn/kernel';
import { afterEach, describe, expect, it } from 'vitest';
import { HeldSessions } from './held-sessions.js';
import { identityModel } from './models.js';
import { call, type RestReply } from './rest-calls.js';
import { load, type Served, serve } from './serve.js';

let served: Served;
const held = new HeldSessions();

afterEach(async () => {
  held.release();
  await served.stop();
});

/** A server whose run of the first request waits: what comes next is in the queue. */
async function busy(options: { maxQueuedRequests?: number } = {}): Promise<{ first: Promise<RestReply> }> {
  served = await serve({ sessions: held.open, ...options });
  await load(served.host, 'm', 1, identityModel('FP32'));
  held.hold();
  const first = infer();
  while (!held.holds) await systemClock.breathe();
  return { first };
}

const body = (parameters: object = {}) =>
  JSON.stringify({ parameters, inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] });

function infer(parameters: object = {}): Promise<RestReply> {
  return call(served.app, { method: 'POST', url: '/v2/models/m/infer', payload: body(parameters) });
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await systemClock.sleep(5);
}

describe('OIP REST: the queue', () => {
  it('gives up a request whose timeout passes, and no other', async () => {
    const { first } = await busy();
    expect(await infer({ timeout: 1_000 })).toMatchObject({ status: 503, json: { error: 'Request timeout expired' } });
    const patient = infer({ timeout: 60_000_000 });
    held.release();
    expect(await patient).toMatchObject({ status: 200 });
    expect(await first).toMatchObject({ status: 200 });
  });

  it('refuses what does not fit into it', async () => {
    const { first } = await busy({ maxQueuedRequests: 1 });
    const second = infer();
    await until(() => served.host.inFlight === 2);
    expect(await infer()).toMatchObject({ status: 503, json: { error: 'Exceeds maximum queue size' } });
    held.release();
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
  });

  it('lets go of 200 callers who go away, and answers the next', async () => {
    const { first } = await busy();
    await served.app.listen({ host: '127.0.0.1', port: 0 });
    const port = served.app.addresses()[0]?.port ?? 0;
    const text = body();
    const whole = `POST /v2/models/m/infer HTTP/1.1\r\nhost: x\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
    const sockets = Array.from({ length: 200 }, (_, at) => {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      // Every other one goes in the middle of its body.
      socket.write(at % 2 === 0 ? whole : whole.slice(0, -10));
      return socket;
    });
    await until(() => served.host.inFlight === 101);
    const gone = sockets.map((socket) => new Promise((resolve) => socket.on('close', resolve)));
    for (const socket of sockets) socket.destroy();
    await Promise.all(gone);
    const last = infer();
    held.release();
    expect([(await first).status, (await last).status]).toEqual([200, 200]);
    await until(() => served.host.inFlight === 0);
  });

  it('says that it is not ready, and refuses, before it stops', async () => {
    const { first } = await busy();
    const drained = served.host.drain();
    const ready = await call(served.app, { method: 'GET', url: '/v2/health/ready' });
    expect([ready.status, ready.json]).toEqual([400, { ready: false }]);
    expect(await call(served.app, { method: 'GET', url: '/v2/health/live' })).toMatchObject({ status: 200 });
    expect(await infer()).toMatchObject({
      status: 503,
      json: { error: expect.stringContaining('Server is stopping') },
    });
    held.release();
    expect((await first).status).toBe(200);
    await drained;
  });
});
