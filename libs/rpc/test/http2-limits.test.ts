import { randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, expect, it } from 'vitest';
import { FrameReader } from '../src/grpc/http2/protocol/frame-reader.js';
import { ask, Echo, frame, greeting, head, type Plain, plain, postBlock, type RawClient } from './http2.js';

const types = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, windowUpdate: 8 };
const text = (characters: string) => Buffer.from(characters);
const ping = frame(types.ping, 0, 0, Buffer.alloc(8));
const cancel = (id: number) => frame(types.reset, 0, id, Buffer.from([0, 0, 0, 8]));
const open = (id: number) => frame(types.headers, 4, id, postBlock);
const post = (id: number) => frame(types.headers, 5, id, postBlock);
let server: Plain | undefined;

afterEach(() => server?.stop());

/** The streams that have frames of a type, and with these flags, before the answer to a ping. */
async function until(raw: RawClient, type: number, set?: number): Promise<number[]> {
  const ids: number[] = [];
  raw.send(ping);
  for (;;) {
    const told = await raw.next();
    if (told === undefined || (told.type === types.ping && told.flags === 1)) return ids;
    if (told.type === type && told.flags === (set ?? told.flags)) ids.push(told.streamId);
  }
}

it('who takes a body after its stream is over makes no room for more than is allowed', async () => {
  server = await plain((stream) => new Echo(stream), 100_000);
  const raw = await server.socket();
  const part = (id: number) => frame(types.data, 0, id, Buffer.alloc(16_000));
  raw.send(greeting, open(1), part(1), part(1), part(1), cancel(1));
  await until(raw, types.headers);
  server.streams[0]?.release(48_000);
  raw.send(open(3), ...Array.from({ length: 7 }, () => part(3)));
  expect(await until(raw, types.headers)).toEqual([3]);
});

it('who is told that it is too late counts as long as its request is worked at', async () => {
  server = await plain((stream) =>
    Object.assign(new Echo(stream), {
      whole() {
        stream.begin();
        stream.respondOnly(head);
      },
    }),
  );
  const raw = await server.socket();
  raw.send(greeting, ...Array.from({ length: 101 }, (_, index) => post(2 * index + 1)));
  expect(await until(raw, types.reset)).toEqual([201]);
  for (const stream of server.streams) stream.settle();
  raw.send(...Array.from({ length: 100 }, (_, index) => post(2 * index + 203)));
  expect(await until(raw, types.reset)).toEqual([]);
});

it('SETTINGS whose acknowledgements nobody reads are not read either, but once somebody does', async () => {
  server = await plain();
  const raw = await server.socket();
  raw.socket.pause();
  raw.send(greeting);
  const settings = Buffer.concat(Array.from({ length: 4_096 }, () => frame(types.settings, 0, 0)));
  let sent = 0;
  while (raw.socket.write(settings) || raw.socket.writableLength < 8 * settings.length) {
    sent += settings.length;
    if (sent > 256 << 20) throw new Error('everything was read');
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await ask(server.client(), text('others'))).toMatchObject({ code: 0 });
  raw.send(post(1));
  raw.socket.resume();
  expect(await raw.next(types.headers)).toMatchObject({ streamId: 1 });
});

it('answers that nobody reads wait, and go out once somebody does', async () => {
  const body = randomBytes(1 << 20);
  server = await plain((stream) => new Echo(stream, body));
  const raw = await server.socket();
  raw.socket.pause();
  const wide = Buffer.from([0x7f, 0, 0, 0]);
  const windows = [frame(types.settings, 0, 0, Buffer.from([0, 4, ...wide])), frame(types.windowUpdate, 0, 0, wide)];
  raw.send(greeting, ...windows, ...Array.from({ length: 40 }, (_, index) => post(2 * index + 1)));
  while (server.streams.length < 40) await new Promise((resolve) => setImmediate(resolve));
  expect(await ask(server.client(), text('others'))).toMatchObject({ code: 0 });
  expect(server.streams.some(({ closed }) => !closed)).toBe(true);
  raw.socket.resume();
  let bytes = 0;
  while (bytes < 40 * body.length) bytes += (await raw.next(types.data))?.payload.length ?? Number.NaN;
  expect(bytes).toBe(40 * body.length);
});

it('while too many bytes of answers are not read, requests are refused; once they are, they are answered', async () => {
  const body = randomBytes(100_000);
  server = await plain((stream) => new Echo(stream, body), 1_000_000);
  const raw = await server.socket();
  const window = (bytes: number) => frame(types.settings, 0, 0, Buffer.from([0, 4, 0, bytes, 0, 0]));
  const ids = (from: number) => Array.from({ length: 20 }, (_, index) => from + 2 * index);
  const heads = (asked: readonly number[]) => {
    raw.send(...asked.map((id) => Buffer.concat([open(id), frame(types.data, 1, id, text('?'))])));
    return until(raw, types.headers, 4);
  };
  raw.send(greeting, window(0));
  expect(await heads(ids(1))).toEqual(ids(1).slice(0, 10));
  raw.send(window(32), frame(types.windowUpdate, 0, 0, Buffer.from([0, 32, 0, 0])));
  for (let bytes = 0; bytes < 10 * (body.length + 1); ) {
    bytes += (await raw.next(types.data))?.payload.length ?? Number.NaN;
  }
  expect(await heads([41])).toEqual([41]);
  // Who leaves takes with him what waits.
  raw.send(window(0));
  expect(await heads(ids(43))).toEqual(ids(43).slice(0, 10));
  raw.send(...ids(43).map(cancel));
  expect(await heads([83])).toEqual([83]);
});

it('fields that were too many, malformed or refused are known to later requests', async () => {
  server = await plain();
  const raw = await server.socket();
  const request = (id: number, ...more: Buffer[]) => frame(types.headers, 5, id, Buffer.concat([postBlock, ...more]));
  // The length of the value is 127 + 45 + 15 * 128.
  const value = 'v'.repeat(2_092);
  const long = Buffer.concat([Buffer.of(0x40, 1), text('x'), Buffer.of(0x7f, 0xad, 0x0f), text(value)]);
  const bomb = request(1, long, Buffer.alloc(10_000, 0xbe));
  const malformed = request(3, Buffer.concat([Buffer.of(0x40, 1), text('X'), Buffer.of(1), text('y')]));
  raw.send(greeting, bomb, malformed, request(5, Buffer.of(0xbf)));
  expect([await raw.next(types.reset), await raw.next(types.reset)]).toMatchObject([
    { streamId: 1, payload: Buffer.from([0, 0, 0, 11]) },
    { streamId: 3, payload: Buffer.from([0, 0, 0, 1]) },
  ]);
  expect(await raw.next(types.headers)).toMatchObject({ streamId: 5 });
  expect(server.streams.map(({ request: { fields } }) => fields.get('x') === value)).toEqual([true]);
});

it('DATA without end that holds nothing keeps nothing, and others are answered', async () => {
  server = await plain();
  const raw = await server.socket();
  const padding = Array.from({ length: 20_000 }, () => frame(types.data, 8, 1, Buffer.from([0])));
  raw.send(greeting, open(1), ...Array.from({ length: 20_000 }, () => frame(types.data, 0, 1)), ...padding);
  raw.send(frame(types.data, 1, 1, text('end')));
  expect(await raw.next(types.data)).toMatchObject({ payload: text('end') });
});

it('a frame in very many pieces is whole, and takes no more room than its bytes', () => {
  const payload = Buffer.from(Array.from({ length: 200_000 }, (_, at) => at % 251));
  const bytes = Buffer.concat([greeting.subarray(0, 24), frame(types.headers, 1, 1, payload)]);
  const heard: Buffer[] = [];
  const reader = new FrameReader(payload.length, (one) => heard.push(one.payload));
  const before = heapBytes();
  for (let at = 0; at < bytes.length - 1; at++) reader.push(Buffer.from(bytes.subarray(at, at + 1)));
  expect(heapBytes() - before).toBeLessThan(4 << 20);
  reader.push(bytes.subarray(-1));
  expect(heard.map((one) => one.equals(payload))).toEqual([true]);
});

function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}
