import { Client as RawClient, credentials } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flightModel, identityModel, linearModel, totalModel } from './models.js';
import {
  askRaw,
  byteStrings,
  fp32,
  inferBytes,
  linearRequest,
  load,
  rawRequest,
  type Served,
  serve,
  type WireRequest,
} from './serve.js';

let served: Served;
let client: RawClient;

beforeAll(async () => {
  served = await serve();
  client = new RawClient(served.address, credentials.createInsecure());
  await load(served.host, 'linear', 1, linearModel());
  await load(served.host, 'flights', 7, flightModel());
  await load(served.host, 'total', 1, totalModel());
  for (const type of ['INT8', 'UINT64', 'BOOL', 'BYTES'] as const)
    await load(served.host, type, 1, identityModel(type));
});

afterAll(async () => {
  client.close();
  await served.stop();
});

const typed = (modelName: string, contents: object): WireRequest => ({
  modelName,
  inputs: [{ name: 'x', datatype: modelName, shape: [1, 2], contents: { ...contents } }],
});

const good: readonly WireRequest[] = [
  linearRequest([1, 2], [3, 4], {
    id: 'r',
    modelVersion: '1',
    parameters: {
      timeout: { int64Param: 5_000_000 },
      priority: { uint64Param: 1 },
      event_ids: { stringParam: '["a",null]' },
    },
    outputs: [{ name: 'score', parameters: { classification: { int64Param: 1 } } }],
  }),
  rawRequest('flights', {
    carrier: { datatype: 'BYTES', shape: [3, 1], raw: byteStrings('AA', '', 'ZÜ') },
    distance: { datatype: 'FP32', shape: [3, 1], raw: fp32(1, 2, 3) },
  }),
  rawRequest('total', { x: { datatype: 'FP32', shape: [3, 1], raw: fp32(1, 2, 3) } }),
  typed('INT8', { intContents: [-128, 127] }),
  typed('UINT64', { uint64Contents: ['1', '18446744073709551615'] }),
  typed('BOOL', { boolContents: [true, false] }),
  typed('BYTES', { bytesContents: [Buffer.of(97), Buffer.alloc(0)] }),
];

const encoded = good.map(inferBytes);

/** One change of the bytes: other bits, bytes gone, put in, twice, or a number where a length was. */
const change = fc.record({
  kind: fc.constantFrom('flip', 'cut', 'put', 'twice', 'end', 'length'),
  at: fc.nat(10_000),
  size: fc.nat(12),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 10 }),
});

function changed(
  body: Buffer,
  { kind, at, size, bytes }: typeof change extends fc.Arbitrary<infer Change> ? Change : never,
) {
  const place = body.length === 0 ? 0 : at % body.length;
  const [before, after] = [body.subarray(0, place), body.subarray(place)];
  switch (kind) {
    case 'flip':
      return Buffer.concat([before, Buffer.from([(after[0] ?? 0) ^ (1 << (size % 8))]), after.subarray(1)]);
    case 'cut':
      return Buffer.concat([before, after.subarray(size)]);
    case 'put':
      return Buffer.concat([before, bytes, after]);
    case 'twice':
      return Buffer.concat([before, after.subarray(0, size), after]);
    case 'end':
      return Buffer.from(before);
    case 'length':
      return Buffer.concat([before, Buffer.from([0xff, 0xff, 0xff, 0xff, size]), after.subarray(1)]);
  }
}

const body = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .tuple(fc.constantFrom(...encoded), fc.array(change, { maxLength: 4 }))
      .map(([bytes, changes]) => changes.reduce<Buffer>(changed, bytes)),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)) },
);

const same = (bytes: Buffer) => bytes;

async function ask(method: string, bytes: Buffer): Promise<string> {
  const [code = 'none'] = await askRaw(client, method, bytes);
  return code;
}

/** All bodies in one stream; answers each of them, or the stream's own error. */
function stream(bodies: readonly Buffer[]): Promise<number> {
  return new Promise((resolve, reject) => {
    let answers = 0;
    const call = client.makeBidiStreamRequest('/inference.GRPCInferenceService/ModelStreamInfer', same, same);
    call.on('data', () => {
      answers += 1;
    });
    call.on('error', reject);
    call.on('end', () => resolve(answers));
    for (const bytes of bodies) call.write(bytes);
    call.end();
  });
}

describe('gRPC under bodies that are no requests', () => {
  const refusals = ['INVALID_ARGUMENT', 'NOT_FOUND'];

  it('answers or refuses each, and harms no request beside them', async () => {
    const told = new Map<string, number>();
    const property = fc.asyncProperty(fc.array(body, { minLength: 20, maxLength: 40 }), async (bodies) => {
      const beside = served.client.modelInfer(linearRequest([5], [6]));
      for (const code of await Promise.all(bodies.map((bytes) => ask('ModelInfer', bytes)))) {
        told.set(code, (told.get(code) ?? 0) + 1);
      }
      expect(Buffer.from((await beside).rawOutputContents[0] ?? [])).toEqual(fp32(28));
    });
    await fc.assert(property, { numRuns: 120 });
    expect([...told.keys()].sort()).toEqual(['INVALID_ARGUMENT', 'NOT_FOUND', 'OK']);
    // Both sides of the checks were reached.
    expect(told.get('OK')).toBeGreaterThan(100);
    expect(told.get('INVALID_ARGUMENT')).toBeGreaterThan(1_000);
  });

  it('answers each in a stream, too', async () => {
    const property = fc.asyncProperty(fc.array(body, { minLength: 20, maxLength: 60 }), async (bodies) => {
      expect(await stream(bodies)).toBe(bodies.length);
    });
    await fc.assert(property, { numRuns: 25 });
  });

  it('takes them for every other method without harm', async () => {
    const methods = [
      'ModelMetadata',
      'ModelReady',
      'ModelConfig',
      'ModelStatistics',
      'RepositoryIndex',
      'RepositoryModelLoad',
    ];
    const property = fc.asyncProperty(fc.constantFrom(...methods), body, async (method, bytes) => {
      expect(['OK', 'UNAVAILABLE', 'UNIMPLEMENTED', ...refusals]).toContain(await ask(method, bytes));
    });
    await fc.assert(property, { numRuns: 600 });
    expect(await ask('ServerLive', Buffer.alloc(0))).toBe('OK');
  });
});
