import { deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseJson } from '../src/inference/oip/json-text.js';
import { identityModel, linearModel } from './models.js';
import { binaryBody, call } from './rest-calls.js';
import { fp32, load, type Served, serve } from './serve.js';

let served: Served;

beforeAll(async () => {
  served = await serve();
  await load(served.host, 'linear', 1, linearModel());
  for (const type of ['FP32', 'INT64', 'BYTES', 'BOOL', 'FP16'] as const) {
    await load(served.host, type, 1, identityModel(type));
  }
});

afterAll(() => served.stop());

const nasty = fc.oneof(
  fc.constantFrom<unknown>(null, true, -1, 0.5, 2 ** 40, 2 ** 53, -(2 ** 63), 1e308, '', 'x', [], {}, [[]], [null]),
  fc.jsonValue({ maxDepth: 3 }),
);
const or = (good: unknown, ...others: unknown[]) =>
  fc.oneof({ weight: 6, arbitrary: fc.constantFrom(good, ...others) }, { weight: 1, arbitrary: nasty });

const input = fc.record(
  {
    name: or('x', 'a', 'b', 'y'),
    datatype: or('FP32', 'INT64', 'BYTES', 'BOOL', 'FP16', 'BF16'),
    shape: or([1, 2], [2, 1], [1, 1], [-1, 2], [2 ** 40, 2], [0]),
    data: or([1, 2], ['a', 'b'], [[true, false]], [[1], [2]]),
    parameters: or({}, { binary_data_size: 8 }, { binary_data_size: -1 }, { shared_memory_region: 'r' }),
  },
  { requiredKeys: ['name', 'datatype'] },
);
const request = fc.record(
  {
    id: or('q'),
    parameters: or({}, { binary_data_output: true }, { timeout: 1 }, { event_ids: '["a"]' }, { event_ids: '[' }),
    inputs: fc.oneof({ weight: 9, arbitrary: fc.array(input, { maxLength: 3 }) }, { weight: 1, arbitrary: nasty }),
    outputs: or([{ name: 'y' }], [{ name: 'y', parameters: { binary_data: true } }], [{ name: 'score' }]),
  },
  { requiredKeys: ['inputs'] },
);

const good = binaryBody({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] }).payload;
const goodBinary = binaryBody(
  { inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], parameters: { binary_data_size: 8 } }] },
  fp32(1, 2),
);

/** Bytes of a good body of which some are others, are not there, or are there twice. */
function bent(bytes: Buffer): fc.Arbitrary<Buffer> {
  const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(20), fc.uint8Array({ maxLength: 4 }));
  return fc
    .array(change, { minLength: 1, maxLength: 3 })
    .map((changes) =>
      changes.reduce<Buffer>(
        (now, [at, cut, put]) =>
          Buffer.concat([now.subarray(0, at), put, now.subarray(at + (cut > 4 ? put.length : cut))]),
        bytes,
      ),
    );
}

const anyLength = fc.oneof(fc.integer({ min: -2, max: 300 }).map(String), fc.constantFrom('0', 'x', '', '1e2'));
const right = String(goodBinary.payload.length - 8);
const sent = (bytes: fc.Arbitrary<Buffer>, length: fc.Arbitrary<string | undefined>) => fc.tuple(bytes, length);
const none = fc.constant(undefined);
const body = fc.oneof(
  sent(
    request.map((value) => Buffer.from(JSON.stringify(value))),
    none,
  ),
  sent(bent(good), none),
  sent(bent(goodBinary.payload), fc.oneof(fc.constant(right), anyLength)),
  sent(fc.constant(goodBinary.payload), fc.oneof(fc.constant(right), anyLength)),
  sent(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.oneof(none, anyLength),
  ),
);
const coding = fc.constantFrom(undefined, undefined, undefined, 'gzip', 'deflate', 'br');
const compressed = fc.boolean();

describe('OIP REST under random requests', () => {
  it('answers, or refuses with a text: never 500, and the next request is answered', async () => {
    const statuses = new Map<number, number>();
    const models = fc.constantFrom('FP32', 'FP32', 'linear', 'INT64', 'BYTES', 'BOOL', 'FP16', 'nobody');
    const property = fc.asyncProperty(
      models,
      body,
      coding,
      compressed,
      async (model, [bytes, length], said, really) => {
        const compress = said === 'gzip' ? gzipSync : deflateSync;
        const answer = await call(served.app, {
          method: 'POST',
          url: `/v2/models/${model}/infer`,
          payload: said !== undefined && really ? compress(bytes) : bytes,
          headers: {
            ...(length === undefined ? {} : { 'inference-header-content-length': length }),
            ...(said === undefined ? {} : { 'content-encoding': said }),
          },
        });
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        expect([200, 400, 404, 501, 503]).toContain(answer.status);
        if (answer.status === 200) expect(answer.json).toHaveProperty('outputs');
        else expect(answer.json).toEqual({ error: expect.stringMatching(/./) });
      },
    );
    await fc.assert(property, { numRuns: 4_000 });
    // Both sides of the checks were reached.
    expect(statuses.get(200)).toBeGreaterThan(50);
    expect(statuses.get(400)).toBeGreaterThan(500);
    const last = await call(served.app, { method: 'POST', url: '/v2/models/FP32/infer', payload: good });
    expect(last).toMatchObject({ status: 200, json: { outputs: [{ data: [1, 2] }] } });
  });
});

describe('the JSON reader beside JSON.parse', () => {
  const plain = (value: unknown): unknown => {
    if (value instanceof Map) return Object.fromEntries([...value].map(([name, inner]) => [name, plain(inner)]));
    if (Array.isArray(value)) return value.map(plain);
    return typeof value === 'bigint' ? Number(value) : value;
  };
  const outcome = (read: () => unknown): unknown => {
    try {
      return { value: read() };
    } catch {
      return 'refused';
    }
  };

  it('reads what JSON.parse reads', () => {
    const spaced = fc.tuple(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom(undefined, 1, '\t', '\r\n'));
    fc.assert(
      fc.property(spaced, ([value, indent]) => {
        const text = JSON.stringify(value, undefined, indent);
        expect(plain(parseJson(Buffer.from(text)))).toEqual(JSON.parse(text));
      }),
      { numRuns: 3_000 },
    );
  });

  it('refuses what JSON.parse refuses, and beyond that only what it says', () => {
    const pieces = ['{', '}', '[', ']', ',', ':', '"a"', '"\\u00e9"', '-', '0', '12', '.5', 'e-3', 'true', 'null', ' '];
    const text = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (json) => {
        const theirs = outcome(() => JSON.parse(json) as unknown);
        const ours = outcome(() => plain(parseJson(Buffer.from(json))));
        const twice = ours === 'refused' && /("[^"]*").*\1/.test(json);
        if (!twice) expect(ours).toEqual(theirs);
      }),
      { numRuns: 20_000 },
    );
  });

  it('keeps integers of any size', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), (value) => {
        expect(BigInt(parseJson(Buffer.from(String(value))) as number | bigint)).toBe(value);
      }),
    );
  });
});
