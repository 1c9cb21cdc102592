import { connect } from 'node:http2';
import { systemClock } from '@relearn/kernel';
import fc from 'fast-check';
import { afterEach, describe, expect, it, test } from 'vitest';
import { framed, MessageReader } from '../src/grpc/http2/messages.js';
import { grpcServer } from '../src/grpc/index.js';
import { type BidiStreaming, serviceOf } from '../src/index.js';
import { ask } from './http2.js';

interface Streamed {
  modelStreamInfer: BidiStreaming<object, { errorMessage: string }>;
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

async function started(modelStreamInfer: Streamed['modelStreamInfer'], settings: object = {}) {
  const server = grpcServer({ address: '127.0.0.1:0', clock: systemClock, drainMs: 50, maxReceiveBytes: 100_000 });
  server.add(service, { modelStreamInfer });
  await server.start();
  const client = connect(`http://127.0.0.1:${server.port}`, { settings });
  client.on('error', () => undefined);
  ending.push(
    () => client.destroy(),
    () => server.stop(),
  );
  return client;
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

  it('lets a handler go that waits for room when its deadline has passed and there is room again', async () => {
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
    await systemClock.sleep(100);
    client.settings({ initialWindowSize: 100_000 });
    stream.resume();
    await gone;
  });

  it('is refused at the length of a message that is too large, before the message has come', async () => {
    const client = await started(async function* (requests) {
      for await (const _ of requests) yield { errorMessage: '' };
    });
    const prefix = Buffer.from([0, 0, 1, 0x86, 0xa1]);
    const stream = client.request({ ...headers, ':method': 'POST' });
    stream.on('error', () => undefined);
    const status = new Promise((resolve) => stream.once('response', (told) => resolve(told['grpc-status'])));
    stream.write(prefix);
    expect(await status).toBe('8');
  });

  it('is none of gRPC where it does not say so', async () => {
    const client = await started(async function* () {});
    expect(await ask(client, undefined, { ':path': '/' })).toMatchObject({ headers: { ':status': 415 } });
  });
});

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
        const reader = new MessageReader(300);
        const heard = [];
        const cut = Math.max(0, bytes.length - missing);
        for (let at = 0, index = 0; at < cut; index++) {
          const end = Math.min(cut, at + (sizes[index % sizes.length] ?? 1));
          reader.push(bytes.subarray(at, end));
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
    const reader = new MessageReader(body.length);
    const bytes = framed(body);
    for (let at = 0; at < bytes.length; at++) reader.push(bytes.subarray(at, at + 1));
    expect(reader.next()?.bytes.equals(body)).toBe(true);
    expect(reader.empty).toBe(true);
  });

  test('given one that says to be too large, when its prefix is there, then it is refused', () => {
    const reader = new MessageReader(10);
    reader.push(Buffer.from([0, 0, 0, 0]));
    expect(() => reader.push(Buffer.from([11]))).toThrow(expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }));
  });
});
