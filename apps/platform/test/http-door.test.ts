import { connect } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { registerForwarding } from '../src/doors/forward.js';
import { HttpDoor } from '../src/doors/http.js';
import { refusePath } from '../src/doors/malformed.js';

let owner: FastifyInstance;
let door: HttpDoor;
let front: HttpDoor;

const mostBytes = 1 << 20;

/** Answers what it got. */
function echo(): FastifyInstance {
  const app = fastify({ logger: false, bodyLimit: 4 * mostBytes, frameworkErrors: refusePath });
  app.removeAllContentTypeParsers();
  app.addHook('onRequest', async ({ raw }) => {
    raw.headers['x-type'] = raw.headers['content-type'];
    delete raw.headers['content-type'];
  });
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.all('/v2/*', async (request) => ({
    url: request.url,
    got: Buffer.isBuffer(request.body) ? request.body.length : 0,
    length: request.headers['inference-header-content-length'] ?? null,
    type: request.headers['x-type'] ?? null,
  }));
  return app;
}

function doorOf(): HttpDoor {
  return new HttpDoor({ address: { host: '127.0.0.1', port: 0 }, probes: () => undefined, waitsFor: () => 'starting' });
}

beforeEach(async () => {
  owner = echo();
  door = doorOf();
  await door.start();
  await door.serve(owner);
  const routes = fastify({ logger: false });
  registerForwarding(routes, [{ prefix: '/v2', service: 'serving', to: door.url, mostBytes }]);
  front = doorOf();
  await front.start();
  await front.serve(routes);
});

afterEach(async () => {
  await front.stop();
  await door.stop();
});

/** Writes the pieces one after the other, and reads until the server closes or has sent so many bodies. */
function talk(to: HttpDoor, pieces: readonly (string | Buffer)[], answers: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(to.url);
    const socket = connect(Number(port), '127.0.0.1').setNoDelay(true);
    let text = '';
    socket.on('error', reject).on('close', () => resolve(text));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (text.split('HTTP/1.1 ').length - 1 === answers && /\r\n\r\n[^]*\}$/.test(text)) socket.end();
    });
    const send = (index: number) => {
      const piece = pieces[index];
      if (piece !== undefined && socket.writable) socket.write(piece, () => setImmediate(send, index + 1));
    };
    socket.on('connect', () => send(0));
  });
}

const post = (body: string, ...headers: string[]) =>
  ['POST /v2/echo HTTP/1.1', 'host: x', ...headers, '', body].join('\r\n');

describe('the HTTP door', () => {
  it('takes headers that come byte by byte, and a body that comes later', async () => {
    const whole = post('0123456789', 'content-length: 10', 'inference-header-content-length: 4');
    const answer = await talk(door, whole.slice(0, -5).split('').concat(whole.slice(-5)), 1);
    expect(answer).toMatch(/^HTTP\/1.1 200 [^]*\{"url":"\/v2\/echo","got":10,"length":"4","type":null\}$/);
  });

  it('answers requests that come at once in their order', async () => {
    const three = [1, 2, 3].map((size) => post('x'.repeat(size), `content-length: ${size}`)).join('');
    const answer = await talk(door, [three], 3);
    expect([...answer.matchAll(/"got":(\d)/g)].map(([, size]) => size)).toEqual(['1', '2', '3']);
  });

  it('takes a body in chunks', async () => {
    const chunks = '3\r\nabc\r\n4;name=value\r\ndefg\r\n0\r\n\r\n';
    expect(await talk(door, [post(chunks, 'transfer-encoding: chunked')], 1)).toContain('"got":7');
  });

  it.each([
    ['two lengths', post('abcd', 'content-length: 4', 'content-length: 2')],
    ['a length beside chunks', post('0\r\n\r\n', 'content-length: 4', 'transfer-encoding: chunked')],
    ['a length that is no number', post('abcd', 'content-length: 4x')],
    ['a negative length', post('abcd', 'content-length: -4')],
    ['a chunk size that is no number', post('zz\r\nabc\r\n0\r\n\r\n', 'transfer-encoding: chunked')],
    ['no HTTP', 'hello\r\n\r\n'],
    ['a header without a colon', 'GET /v2/x HTTP/1.1\r\nhost x\r\n\r\n'],
    ['a NUL in a header', 'GET /v2/x HTTP/1.1\r\nhost: x\0\r\n\r\n'],
  ])('answers 400 to %s, and goes on', async (_what, bytes) => {
    const answer = await talk(door, [bytes], 1);
    expect(answer).toMatch(/^HTTP\/1.1 400 Bad Request\r\n[^]*\{"error":"malformed HTTP request: [^"]+"\}$/);
    expect(await talk(door, [post('ab', 'content-length: 2')], 1)).toContain('"got":2');
  });

  it('answers 431 to headers without end', async () => {
    expect(await talk(door, [`GET /v2/x HTTP/1.1\r\nhost: x\r\nlong: ${'x'.repeat(40_000)}`], 1)).toMatch(
      /^HTTP\/1.1 431 /,
    );
  });

  it('answers 400 to a path that cannot be decoded', async () => {
    const answer = await fetch(`${door.url}/v2/models/%zz/infer`);
    expect([answer.status, await answer.json()]).toEqual([400, { error: expect.stringContaining('%zz') }]);
  });
});

describe('the console before another process', () => {
  it('passes on what is not too large, in chunks or not', async () => {
    const body = Buffer.alloc(mostBytes, 'x');
    const headers = { 'inference-header-content-length': '7' };
    const whole = await fetch(`${front.url}/v2/echo`, { method: 'POST', body, headers });
    expect(await whole.json()).toMatchObject({ url: '/v2/echo', got: mostBytes, length: '7' });
    const chunks = await fetch(`${front.url}/v2/echo`, {
      method: 'POST',
      body: new Blob([body]).stream(),
      duplex: 'half',
    } as RequestInit);
    expect(await chunks.json()).toMatchObject({ got: mostBytes });
  });

  it.each([';;;', 'no-type', 'text/plain; charset=utf-16'])('passes on a content type of "%s"', async (type) => {
    for (const at of [front, door]) {
      const bytes = post('ab', 'content-length: 2', `content-type: ${type}`);
      expect(await talk(at, [bytes], 1)).toMatch(/^HTTP\/1.1 200 [^]*"got":2/);
      expect(await talk(at, [bytes], 1)).toContain(`"type":"${type}"`);
    }
  });

  it('answers 413 to what is, in chunks or not, and the connection goes on', async () => {
    const large = Buffer.alloc(mostBytes + 1, 'x');
    const whole = await fetch(`${front.url}/v2/echo`, { method: 'POST', body: large });
    expect([whole.status, await whole.json()]).toEqual([413, { error: `a request has at most ${mostBytes} bytes` }]);
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(0x10000, 'x'), Buffer.from('\r\n')]);
    const many = [post('', 'transfer-encoding: chunked'), ...Array.from({ length: 40 }, () => chunk), '0\r\n\r\n'];
    const answer = await talk(front, [...many, post('ab', 'content-length: 2')], 2);
    expect(answer).toMatch(/^HTTP\/1.1 413 [^]*at most 1048576 bytes[^]*HTTP\/1.1 200 [^]*"got":2/);
  });

  it('answers 503 where the owner is away', async () => {
    await door.stop();
    const answer = await fetch(`${front.url}/v2/echo`, { method: 'POST', body: 'x' });
    expect([answer.status, await answer.json()]).toEqual([503, { error: expect.stringContaining('does not answer') }]);
  });
});
