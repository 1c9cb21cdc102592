import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flightModel, identityModel, linearModel } from './models.js';
import { binaryBody, call, type RestReply, tailOf } from './rest-calls.js';
import { byteStrings, floatsOf, fp32, load, type Served, serve } from './serve.js';

let served: Served;

beforeAll(async () => {
  served = await serve();
  await load(served.host, 'linear', 1, linearModel());
  await load(served.host, 'flights', 7, flightModel());
  for (const type of ['FP32', 'FP16', 'INT64'] as const) await load(served.host, type, 1, identityModel(type));
});

afterAll(() => served.stop());

function infer(model: string, payload: string | Buffer, headers: object = {}): Promise<RestReply> {
  return call(served.app, { method: 'POST', url: `/v2/models/${model}/infer`, payload, headers: { ...headers } });
}

function inferBinary(model: string, json: unknown, tensors: Uint8Array[], more: object = {}): Promise<RestReply> {
  const { payload, headers } = binaryBody(json, ...tensors);
  return infer(model, payload, { ...headers, ...more });
}

const tensor = (name: string, datatype: string, shape: number[], size: number, more: object = {}) => ({
  name,
  datatype,
  shape,
  parameters: { binary_data_size: size },
  ...more,
});

const x = (more: object = {}) => ({ inputs: [tensor('x', 'FP32', [1, 2], 8)], ...more });

describe('OIP REST: binary tensors', () => {
  it('takes them in the order of the JSON and answers JSON unless asked', async () => {
    const inputs = [tensor('b', 'FP32', [2, 1], 8), tensor('a', 'FP32', [2, 1], 8)];
    const answer = await inferBinary('linear', { id: 'q', inputs }, [fp32(10, 20), fp32(1, 2)]);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.json).toMatchObject({ id: 'q', outputs: [{ data: [32, 64] }] });
  });

  it('answers in binary what is asked for in binary', async () => {
    const all = await inferBinary('FP32', x({ parameters: { binary_data_output: true } }), [fp32(1, -0)]);
    expect(all.headers['content-type']).toBe('application/octet-stream');
    expect(all.json['outputs']).toEqual([
      { name: 'y', datatype: 'FP32', shape: [1, 2], parameters: { binary_data_size: 8 } },
    ]);
    expect(tailOf(all)).toEqual(fp32(1, -0));
    const one = await inferBinary('FP32', x({ outputs: [{ name: 'y', parameters: { binary_data: true } }] }), [
      fp32(3, 4),
    ]);
    expect(floatsOf(tailOf(one))).toEqual([3, 4]);
  });

  it('mixes JSON and binary, in and out', async () => {
    const texts = byteStrings('AA', 'grün');
    const right = await inferBinary(
      'flights',
      {
        inputs: [
          { name: 'distance', datatype: 'FP32', shape: [2, 1], data: [1, 2] },
          tensor('carrier', 'BYTES', [2, 1], texts.length),
        ],
        outputs: [{ name: 'score' }, { name: 'echo', parameters: { binary_data: true } }],
        parameters: { binary_data_output: true },
      },
      [texts],
    );
    expect(right.json['outputs']).toEqual([
      { name: 'score', datatype: 'FP32', shape: [2, 1], data: [11, 1] },
      { name: 'echo', datatype: 'BYTES', shape: [2, 1], parameters: { binary_data_size: texts.length } },
    ]);
    expect(tailOf(right)).toEqual(texts);
  });

  it('carries FP16 in binary only, both ways', async () => {
    const half = Buffer.from([0, 0x3c, 0, 0x40]);
    const inputs = [tensor('x', 'FP16', [1, 2], 4)];
    const answer = await inferBinary('FP16', { inputs, parameters: { binary_data_output: true } }, [half]);
    expect(tailOf(answer)).toEqual(half);
    expect((await inferBinary('FP16', { inputs }, [half])).json).toEqual({
      error: 'sending FP16 data via JSON is not supported. Please use the binary data format for output',
    });
    for (const datatype of ['FP16', 'BF16']) {
      const json = { inputs: [{ name: 'x', datatype, shape: [1, 2], data: [1, 2] }] };
      expect((await infer('FP16', JSON.stringify(json))).json).toEqual({
        error: `receiving ${datatype} data via JSON is not supported. Please use the binary data format for input x`,
      });
    }
  });

  it('answers the greatest values of an output as classes, in JSON and in binary', async () => {
    const classes = {
      inputs: [tensor('x', 'FP32', [2, 2], 16)],
      outputs: [{ name: 'y', parameters: { classification: 1 } }],
    };
    const json = await inferBinary('FP32', classes, [fp32(1, 2, 4, 3)]);
    expect(json.json['outputs']).toEqual([
      { name: 'y', datatype: 'BYTES', shape: [2, 1], data: ['2.000000:1', '4.000000:0'] },
    ]);
    const asked = { ...classes, outputs: [{ name: 'y', parameters: { classification: 1, binary_data: true } }] };
    expect(tailOf(await inferBinary('FP32', asked, [fp32(1, 2, 4, 3)]))).toEqual(
      byteStrings('2.000000:1', '4.000000:0'),
    );
    const wrong = { ...classes, outputs: [{ name: 'y', parameters: { classification: 'x' } }] };
    expect(await inferBinary('FP32', wrong, [fp32(1, 2, 4, 3)])).toMatchObject({
      status: 400,
      json: { error: expect.stringContaining("Unable to parse 'classification'") },
    });
  });

  it('takes a body without JSON for a model of one input, and answers in binary', async () => {
    const answer = await infer('FP32', fp32(5, 6), { 'inference-header-content-length': '0' });
    expect(floatsOf(tailOf(answer))).toEqual([5, 6]);
    const two = await infer('linear', fp32(5, 6), { 'inference-header-content-length': '0' });
    expect(two).toMatchObject({
      status: 400,
      json: {
        error:
          "[request id: <id_unknown>] Raw request must only have 1 input (found 1) to be deduced but got 2 inputs in 'linear' model configuration",
      },
    });
    expect(await infer('FP32', fp32(5), { 'inference-header-content-length': '0' })).toMatchObject({
      status: 400,
      json: { error: expect.stringContaining("input byte size mismatch for input 'x' for model 'FP32'") },
    });
  });

  it.each([
    ['too few bytes', x(), [fp32(1)], "unexpected size for input 'x', expecting 4 additional bytes for model 'FP32'"],
    ['too many bytes', x(), [fp32(1, 2, 3)], "unexpected additional input data for model 'FP32'"],
    [
      'a size that does not fit the shape',
      { inputs: [tensor('x', 'FP32', [1, 2], 12)] },
      [fp32(1, 2, 3)],
      "[request id: <id_unknown>] input byte size mismatch for input 'x' for model 'FP32'. Expected 8, got 12",
    ],
    [
      'data beside a size',
      { inputs: [tensor('x', 'FP32', [1, 2], 8, { data: [1, 2] })] },
      [fp32(1, 2)],
      "But set 'data' 'binary_data_size' (inputs[0])",
    ],
    ['neither', { inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2] }] }, [], 'But no field is set (inputs[0])'],
    [
      'a negative size',
      { inputs: [tensor('x', 'FP32', [1, 2], -8)] },
      [fp32(1, 2)],
      "Unable to parse 'binary_data_size': attempt to access JSON non-unsigned-integer as unsigned-integer (inputs[0].parameters.binary_data_size)",
    ],
    [
      'a size beyond memory',
      { inputs: [tensor('x', 'FP32', [1, 2], 2 ** 52)] },
      [fp32(1, 2)],
      "unexpected size for input 'x', expecting 4503599627370488 additional bytes for model 'FP32'",
    ],
    [
      'an output that is no boolean',
      x({ outputs: [{ name: 'y', parameters: { binary_data: 1 } }] }),
      [fp32(1, 2)],
      "Unable to parse 'binary_data': attempt to access JSON non-boolean as boolean (outputs[0].parameters.binary_data)",
    ],
    ['a datatype that does not exist', { inputs: [tensor('x', 'FP33', [1, 2], 8)] }, [fp32(1, 2)], "'<invalid>'"],
    ['BF16', { inputs: [tensor('x', 'BF16', [1, 2], 4)] }, [Buffer.alloc(4)], "data-type is 'BF16'"],
  ])('%s is 400', async (_what, json, tensors, text) => {
    expect(await inferBinary('FP32', json, tensors)).toMatchObject({
      status: 400,
      json: { error: expect.stringContaining(text) },
    });
  });

  it('a shared memory region is 404: there are none', async () => {
    const inputs = [{ name: 'x', datatype: 'FP32', shape: [1, 2], parameters: { shared_memory_region: 'r' } }];
    expect(await infer('FP32', JSON.stringify({ inputs }))).toMatchObject({
      status: 404,
      json: { error: "Unable to find shared memory region: 'r'" },
    });
  });

  it.each(['-1', '1e3', 'x', '', '99', '10, 10', '9'.repeat(40)])('a header of "%s" is 400', async (length) => {
    const { payload } = binaryBody(x(), fp32(1, 2));
    const cut = payload.subarray(0, 90);
    expect(await infer('FP32', cut, { 'inference-header-content-length': length })).toMatchObject({
      status: 400,
      json: { error: expect.stringMatching(/header/i) },
    });
  });
});

describe('OIP REST: compression', () => {
  const plain = () => binaryBody(x({ parameters: { binary_data_output: true } }), fp32(7, 8));

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['GZIP', gzipSync],
  ])('takes a body in %s', async (coding, compress) => {
    const { payload, headers } = plain();
    const answer = await infer('FP32', compress(payload), { ...headers, 'content-encoding': coding });
    expect(floatsOf(tailOf(answer))).toEqual([7, 8]);
  });

  it.each([
    ['gzip', 'gzip', gunzipSync],
    ['deflate', 'deflate', inflateSync],
    ['br, gzip;q=0.5, deflate;q=0.9', 'deflate', inflateSync],
  ])('answers to "%s" in %s', async (accepted, coding, inflate) => {
    const { payload, headers } = plain();
    const answer = await infer('FP32', payload, { ...headers, 'accept-encoding': accepted });
    expect(answer.headers['content-encoding']).toBe(coding);
    const whole = inflate(answer.body);
    const head = Number(answer.headers['inference-header-content-length']);
    expect(JSON.parse(whole.subarray(0, head).toString())).toMatchObject({ model_name: 'FP32' });
    expect(floatsOf(whole.subarray(head))).toEqual([7, 8]);
  });

  it.each(['identity', 'br', 'gzip;q=0', 'identity, gzip;q=0.1', ';;,,'])(
    'answers to "%s" as it is',
    async (accepted) => {
      const { payload, headers } = plain();
      const answer = await infer('FP32', payload, { ...headers, 'accept-encoding': accepted });
      expect(answer.headers['content-encoding']).toBeUndefined();
      expect(floatsOf(tailOf(answer))).toEqual([7, 8]);
    },
  );

  it('refuses what is not what it says, and other codings', async () => {
    const { payload, headers } = plain();
    const cut = gzipSync(payload).subarray(0, -12);
    for (const [body, coding] of [
      [payload, 'gzip'],
      [cut, 'gzip'],
      [payload, 'deflate'],
    ] as const) {
      expect(await infer('FP32', body, { ...headers, 'content-encoding': coding })).toMatchObject({
        status: 400,
        json: { error: expect.stringContaining(`unable to decompress the ${coding} request body`) },
      });
    }
    expect(await infer('FP32', payload, { ...headers, 'content-encoding': 'br' })).toMatchObject({
      status: 501,
      json: { error: 'Unsupported compression type' },
    });
  });

  it('refuses a bomb before it is inflated', async () => {
    const bomb = gzipSync(Buffer.alloc(200 << 20), { level: 1 });
    const before = process.memoryUsage().rss;
    expect(await infer('FP32', bomb, { 'content-encoding': 'gzip' })).toMatchObject({
      status: 413,
      json: { error: expect.stringContaining('at most') },
    });
    expect(process.memoryUsage().rss - before).toBeLessThan(150 << 20);
  });
});
