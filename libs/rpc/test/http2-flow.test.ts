import { randomBytes } from 'node:crypto';
import { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { Outbound } from '../src/grpc/http2/protocol/outbound.js';
import { Output } from '../src/grpc/http2/protocol/output.js';
import { Http2Stream, type Responder } from '../src/grpc/http2/protocol/stream.js';
import { ask, frame, greeting, head, plain, postBlock, trailers } from './http2.js';

const types = { data: 0, headers: 1, settings: 4, windowUpdate: 8 };
const silent: Responder = { data() {}, whole() {}, full() {}, drained() {}, aborted() {} };
const window = (bytes: number) => frame(types.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, bytes]));
const post = frame(types.headers, 5, 1, postBlock);

it('an empty part is sent though the window is less than shut', async () => {
  const server = await plain(() => silent);
  const raw = await server.socket();
  raw.send(greeting, window(10), post);
  while (server.streams.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const [stream] = server.streams;
  stream?.respond(head);
  stream?.send(Buffer.alloc(10));
  await raw.next(types.data);
  raw.send(window(0));
  await raw.next(types.settings);
  stream?.send(Buffer.alloc(0));
  stream?.end(trailers);
  expect(await raw.next(types.data)).toMatchObject({ payload: Buffer.alloc(0) });
  expect(await raw.next(types.headers)).toMatchObject({ flags: 5 });
  await server.stop();
});

it('parts that are sent when there is room come before the end, however small the window', async () => {
  const parts = Array.from({ length: 50 }, () => randomBytes(20_000));
  const server = await plain((stream) => {
    const left = [...parts];
    const more = () => {
      const part = left.shift();
      if (part === undefined) return;
      stream.send(part);
      if (left.length === 0) stream.end(trailers);
    };
    return {
      ...silent,
      whole() {
        stream.respond(head);
        more();
      },
      drained: more,
    };
  });
  const answer = await ask(server.client({ settings: { initialWindowSize: 1_000 } }));
  expect(answer).toMatchObject({ trailers: { 'x-end': 'yes' }, code: 0 });
  expect(answer.body.equals(Buffer.concat(parts))).toBe(true);
  await server.stop();
});

it('several megabytes go both ways at once through small windows', async () => {
  const server = await plain((stream) => ({
    ...silent,
    data(bytes) {
      stream.credit(bytes.length);
      stream.release(bytes.length);
      if (!stream.headSent) stream.respond(head);
      stream.send(Buffer.from(bytes));
    },
    whole() {
      stream.end(trailers);
    },
  }));
  const client = server.client({ settings: { initialWindowSize: 3_000 } });
  const bodies = Array.from({ length: 4 }, () => randomBytes(2_000_000));
  const answers = await Promise.all(bodies.map((body) => ask(client, body)));
  expect(answers.map(({ body }, at) => body.equals(bodies[at] ?? Buffer.alloc(0)))).toEqual(bodies.map(() => true));
  await server.stop();
});

it('the smallest of several tables that come in one SETTINGS counts', async () => {
  const server = await plain();
  const raw = await server.socket();
  raw.send(greeting, frame(types.settings, 0, 0, Buffer.from([0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0x10, 0])), post);
  expect((await raw.next(types.headers))?.payload[0]).toBe(0x20);
  await server.stop();
});

class CountedOutput extends Output {
  looks = 0;

  override get backlog(): number {
    this.looks++;
    return super.backlog;
  }
}

it('streams whose own windows are shut cost nothing when the window of the connection opens', () => {
  const output = new CountedOutput(new Socket().destroy());
  const outbound = new Outbound(output, () => undefined);
  const request = { method: 'POST', path: '/', fields: new Map(), contentLength: undefined };
  const ground = {
    streamWindow: 0,
    head() {},
    pump: (stream: Http2Stream) => outbound.pump(stream),
    credit() {},
    hold: () => false,
    settled() {},
  };
  const streams = Array.from({ length: 1_000 }, (_, at) => new Http2Stream(2 * at + 1, request, 0, ground));
  for (const stream of streams) stream.send(Buffer.alloc(10));
  for (let times = 0; times < 1_000; times++) outbound.widen(1);
  expect(output.looks).toBeLessThan(10_000);
  for (const stream of streams) outbound.widen(10, stream);
  expect(streams.every(({ waiting }) => waiting.length === 0)).toBe(true);
});
