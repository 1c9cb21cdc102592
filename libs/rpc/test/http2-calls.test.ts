import { once } from 'node:events';
import { connect } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { LargeBuffers, systemClock } from '@relearn/kernel';
import fc from 'fast-check';
import { afterEach, describe, expect, it, test } from 'vitest';
import { framed, MessageReader } from '../src/grpc/http2/messages.js';
import { HpackEncoder } from '../src/grpc/http2/protocol/hpack/encoder.js';
import { grpcServer } from '../src/grpc/index.js';
import { type BidiStreaming, type CallContext, serviceOf, type Unary } from '../src/index.js';
import { ask, frame, greeting, pushed, RawClient } from './http2.js';

interface Streamed {
  modelStreamInfer: BidiStreaming<object, { errorMessage: string }>;
  serverLive: Unary<object, { live: boolean }>;
}

const service = serviceOf<Streamed>('inference/grpc_service.proto', 'inference.GRPCInferenceService');
const headers = {
  ':path': '/inference.GRPCInferenceService/ModelStreamInfer',
  'content-type': 'application/grpc',
  te: 'trailers',
};
const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0)) await end();
});

async function serving(handlers: Partial<Streamed>): Promise<number> {
  const server = grpcServer({ address: '127.0.0.1:0', clock: systemClock, drainMs: 50, maxReceiveBytes: 100_000 });
  server.add(service, handlers);
  await server.start();
  ending.push(() => server.stop());
  return server.port;
}

function clientOf(port: number, settings: object = {}) {
  const client = connect(`http://127.0.0.1:${port}`, { settings });
  client.on('error', () => undefined);
  ending.unshift(() => client.destroy());
  return client;
}

async function started(modelStreamInfer: Streamed['modelStreamInfer'], settings: object = {}) {
  return clientOf(await serving({ modelStreamInfer }), settings);
}

async function rawOf(port: number): Promise<RawClient> {
  const socket = connectSocket(port, '127.0.0.1');
  ending.unshift(() => socket.destroy());
  await once(socket, 'connect');
  return new RawClient(socket);
}

/** HEADERS of a call, and DATA with the only message. */
function callOf(id: number, method: string, message: Buffer, encoding = 'identity'): Buffer {
  const fields = Object.entries({
    ':method': 'POST',
    ':scheme': 'http',
    ':path': `/inference.GRPCInferenceService/${method}`,
    'content-type': 'application/grpc',
    'grpc-encoding': encoding,
  }).map(([name, value]) => ({ name, value }));
  const body = framed(message);
  body[0] = encoding === 'identity' ? 0 : 1;
  const block = new HpackEncoder().pack({ fields, repeated: false });
  return Buffer.concat([frame(1, 4, id, block), frame(0, 1, id, body)]);
}

describe('a call whose client keeps it open', () => {
  it('ends for its handler, too, when its deadline has passed', async () => {
    let left = (): void => undefined;
    const gone = new Promise<void>((resolve) => {
      left = resolve;
    });
    const client = await started(async function* (requests) {
      try {
        for await (const _ of requests) yield { errorMessage: 'heard' };
      } finally {
        left();
      }
    });
    const stream = client.request({ ...headers, ':method': 'POST', 'grpc-timeout': '50m' });
    stream.on('error', () => undefined);
    const status = new Promise((resolve) => {
      stream.once('response', (told) => resolve(told['grpc-status']));
      stream.once('trailers', (told) => resolve(told['grpc-status']));
    });
    expect(await status).toBe('4');
    await gone;
  });

  it('lets a handler go that waits for room when its deadline has passed', async () => {
    let left = (): void => undefined;
    const gone = new Promise<void>((resolve) => {
      left = resolve;
    });
    const client = await started(
      async function* () {
        try {
          for (let part = 0; part < 3; part++) yield { errorMessage: 'x'.repeat(1_000) };
        } finally {
          left();
        }
      },
      { initialWindowSize: 10 },
    );
    const stream = client.request({ ...headers, ':method': 'POST', 'grpc-timeout': '50m' });
    stream.on('error', () => undefined);
    stream.end(framed(Buffer.alloc(0)));
    await gone;
  });

  it('is over for a handler that has not answered before its deadline', async () => {
    let passed = (): void => undefined;
    const over = new Promise<void>((resolve) => {
      passed = resolve;
    });
    const told = new Promise<[CallContext, number]>((resolve) => {
      void started(async function* (_, context) {
        let answers = 0;
        await over;
        try {
          for (; answers < 100; answers++) yield { errorMessage: 'nobody hears' };
        } finally {
          resolve([context, answers]);
        }
      }).then((client) => {
        const stream = client.request({ ...headers, ':method': 'POST', 'grpc-timeout': '50m' });
        stream.on('error', () => undefined);
        stream.once('response', passed);
      });
    });
    const [context, answers] = await told;
    expect([context.cancelled, context.signal.aborted, answers]).toEqual([true, true, 0]);
  });

  it('is refused at the length of a message that is too large, before the message has come', async () => {
    let cancelled: Promise<boolean> | undefined;
    const client = await started(async function* (requests, context) {
      let end = (_: boolean): void => undefined;
      cancelled = new Promise((resolve) => {
        end = resolve;
      });
      for await (const _ of requests) yield { errorMessage: '' };
      // The requests are not whole, which only this tells.
      end(context.cancelled);
    });
    const prefix = Buffer.from([0, 0, 1, 0x86, 0xa1]);
    const stream = client.request({ ...headers, ':method': 'POST' });
    stream.on('error', () => undefined);
    const status = new Promise((resolve) => stream.once('response', (told) => resolve(told['grpc-status'])));
    stream.write(prefix);
    expect(await status).toBe('8');
    expect(await cancelled).toBe(true);
  });

  it('is none of gRPC where it does not say so', async () => {
    const client = await started(async function* () {});
    expect(await ask(client, undefined, { ':path': '/' })).toMatchObject({ headers: { ':status': 415 } });
  });
});

describe('a caller that leaves at once', () => {
  const cancel = (id: number) => frame(3, 0, id, Buffer.from([0, 0, 0, 8]));

  it('has nothing done for it when its message is unpacked only then', async () => {
    let handled = 0;
    const port = await serving({
      async serverLive() {
        handled++;
        return { live: true };
      },
    });
    const raw = await rawOf(port);
    const call = (id: number) => callOf(id, 'ServerLive', gzipSync(Buffer.alloc(0)), 'gzip');
    const left = Array.from({ length: 200 }, (_, at) => [call(2 * at + 1), cancel(2 * at + 1)]);
    raw.send(greeting, ...left.flat(), call(1_001));
    expect(await raw.next(1)).toMatchObject({ streamId: 1_001 });
    expect(handled).toBe(1);
  });

  it('again and again keeps no place of others, whatever it asks for', async () => {
    const port = await serving({
      serverLive: async () => ({ live: true }),
      async *modelStreamInfer(requests) {
        for await (const _ of requests) yield { errorMessage: 'heard' };
      },
    });
    const raw = await rawOf(port);
    for (let id = 1; id < 12_000; id += 4) {
      raw.send(...(id === 1 ? [greeting] : []), callOf(id, 'ServerLive', Buffer.alloc(0)), cancel(id));
      raw.send(callOf(id + 2, 'ModelStreamInfer', Buffer.alloc(0)), cancel(id + 2));
    }
    raw.send(callOf(12_001, 'ServerLive', Buffer.alloc(0)));
    for (let told = await raw.next(); ; told = await raw.next()) {
      if (told === undefined) throw new Error('the connection ended');
      if (told.streamId !== 12_001) continue;
      expect(told.type).toBe(1);
      return;
    }
  });
});

it('a server that stops waits for nobody who has not spoken HTTP/2 yet', async () => {
  const server = grpcServer({ address: '127.0.0.1:0', clock: systemClock, drainMs: 1_000_000 });
  await server.start();
  const [quiet, slow] = [await rawOf(server.port), await rawOf(server.port)];
  slow.send(greeting.subarray(0, 20));
  // Who comes later is answered only once those before are there.
  const heard = await rawOf(server.port);
  heard.send(greeting);
  await heard.next();
  heard.socket.destroy();
  await server.stop();
  await Promise.all([quiet.closed, slow.closed]);
});

it('whatever bytes a call is made of, others are answered', async () => {
  const port = await serving({
    serverLive: async () => ({ live: true }),
    async *modelStreamInfer(requests) {
      for await (const _ of requests) yield { errorMessage: 'heard' };
    },
  });
  const good = Buffer.concat([
    greeting,
    callOf(1, 'ServerLive', Buffer.alloc(0)),
    callOf(3, 'ModelStreamInfer', Buffer.alloc(0)),
    frame(8, 0, 0, Buffer.from([0, 0, 1, 0])),
    callOf(5, 'ServerLive', gzipSync(Buffer.alloc(100)), 'gzip'),
    frame(3, 0, 3, Buffer.from([0, 0, 0, 8])),
  ]);
  const flips = fc.array(fc.tuple(fc.integer({ min: 24, max: good.length - 1 }), fc.nat(255)), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(flips, fc.nat(good.length), async (changes, cut) => {
      const bytes = Buffer.from(good);
      for (const [at, byte] of changes) bytes[at] = byte;
      const raw = await rawOf(port);
      raw.send(bytes.subarray(0, cut));
      raw.socket.end(bytes.subarray(cut));
      await raw.closed;
    }),
    { numRuns: 1_500 },
  );
  const raw = await rawOf(port);
  raw.send(greeting, callOf(1, 'ServerLive', Buffer.alloc(0)));
  expect(await raw.next(0)).toMatchObject({ streamId: 1, payload: framed(Buffer.from([8, 1])) });
});

describe('requests that are unpacked', () => {
  it('count with what they are then, as long as they are worked at', async () => {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const client = clientOf(
      await serving({
        serverLive: async () => {
          await released;
          return { live: true };
        },
      }),
    );
    // A field that nobody knows.
    const message = Buffer.concat([Buffer.from([0x7a, 0xa8, 0x8c, 0x06]), Buffer.alloc(99_880)]);
    const body = framed(gzipSync(message));
    body[0] = 1;
    const fields = { ...headers, ':path': '/inference.GRPCInferenceService/ServerLive', 'grpc-encoding': 'gzip' };
    const statuses = new Map<unknown, number>();
    // More than the 64 MiB and one message that a connection may hold.
    const calls = Array.from({ length: 720 }, async () => {
      const answer = await ask(client, body, fields);
      const status = answer.trailers['grpc-status'] ?? answer.headers['grpc-status'];
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      release();
    });
    await Promise.all(calls);
    expect(statuses.get('8')).toBeGreaterThan(0);
    expect(statuses.get('0')).toBeGreaterThan(600);
    expect(await ask(client, body, fields)).toMatchObject({ trailers: { 'grpc-status': '0' } });
  });
});

/** Of messages of at most so many bytes. */
const readerOf = (mostBytes: number) => new MessageReader(mostBytes, new LargeBuffers(1 << 24, systemClock));

describe('messages', () => {
  const message = fc.record({
    compressed: fc.boolean(),
    bytes: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  });

  test('given any, when they come in chunks of any size, then they are the same', () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 });
    fc.assert(
      fc.property(fc.array(message), cuts, fc.nat(4), (sent, sizes, missing) => {
        const parts = sent.map(({ compressed, bytes: body }) => {
          const one = framed(body);
          one[0] = compressed ? 1 : 0;
          return one;
        });
        const bytes = Buffer.concat(parts);
        const ends = parts.map((_, at) => Buffer.concat(parts.slice(0, at + 1)).length);
        const reader = readerOf(300);
        const heard = [];
        const cut = Math.max(0, bytes.length - missing);
        for (let at = 0, index = 0; at < cut; index++) {
          const end = Math.min(cut, at + (sizes[index % sizes.length] ?? 1));
          pushed(reader, bytes.subarray(at, end));
          for (let one = reader.next(); one !== undefined; one = reader.next()) heard.push(one);
          at = end;
        }
        expect(heard).toEqual(sent.slice(0, ends.filter((end) => end <= cut).length));
        expect(reader.empty).toBe(cut === 0 || ends.includes(cut));
      }),
    );
  });

  test('given a long one byte by byte, when it has come, then it is whole', () => {
    const body = Buffer.from(Array.from({ length: 200_000 }, (_, at) => at % 251));
    const reader = readerOf(body.length);
    const bytes = framed(body);
    for (let at = 0; at < bytes.length; at++) pushed(reader, bytes.subarray(at, at + 1));
    expect(reader.next()?.bytes.equals(body)).toBe(true);
    expect(reader.empty).toBe(true);
  });

  test('given a million that are empty at once, when they are asked for, then each is there', () => {
    const reader = readerOf(10);
    const bytes = Buffer.alloc(5 << 20);
    for (let at = 0; at < bytes.length; at += 60_001) reader.push(bytes.subarray(at, at + 60_001));
    let count = 0;
    while (reader.next() !== undefined) count++;
    expect([count, reader.empty]).toEqual([1 << 20, true]);
  });

  test('given one that is too large behind many, when it is asked for, then it is refused', () => {
    const reader = readerOf(10);
    reader.push(
      Buffer.concat([...Array.from({ length: 1_000 }, () => framed(Buffer.alloc(1))), Buffer.from([0, 0, 0, 0, 11])]),
    );
    const all = () => {
      while (reader.next() !== undefined);
    };
    expect(all).toThrow(expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }));
  });

  test('given one that says to be too large, when its prefix is there, then it is refused', () => {
    const reader = readerOf(10);
    reader.push(Buffer.from([0, 0, 0, 0]));
    expect(() => reader.push(Buffer.from([11]))).toThrow(expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }));
  });
});
