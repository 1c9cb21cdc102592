import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flightModel, fragileModel, identityModel, linearModel, totalModel } from './models.js';
import type { ElementType } from './onnx.js';
import { byteStrings, floatsOf, fp32, load, rawRequest, type Served, serve } from './serve.js';

let served: Served;

beforeAll(async () => {
  served = await serve();
  await load(served.host, 'linear', 1, linearModel());
  await load(served.host, 'flights', 7, flightModel());
  await load(served.host, 'fragile', 1, fragileModel());
  await load(served.host, 'total', 1, totalModel());
});

afterAll(() => served.stop());

describe('the six calls over gRPC', () => {
  it('is live and ready and says who it is', async () => {
    expect(await served.client.serverLive({})).toEqual({ live: true });
    expect(await served.client.serverReady({})).toEqual({ ready: true });
    expect(await served.client.serverMetadata({})).toEqual({
      name: 'relearn',
      version: '0.0.0-test',
      extensions: [
        'classification',
        'schedule_policy',
        'model_configuration',
        'binary_tensor_data',
        'parameters',
        'statistics',
      ],
    });
  });

  it('tells whether a model is ready, by version or without', async () => {
    expect(await served.client.modelReady({ name: 'flights' })).toEqual({ ready: true });
    expect(await served.client.modelReady({ name: 'flights', version: '7' })).toEqual({ ready: true });
  });

  it('describes a model', async () => {
    expect(await served.client.modelMetadata({ name: 'flights' })).toMatchObject({
      name: 'flights',
      versions: ['7'],
      platform: 'onnxruntime_onnx',
      inputs: [
        { name: 'distance', datatype: 'FP32', shape: ['-1', '1'] },
        { name: 'carrier', datatype: 'BYTES', shape: ['-1', '1'] },
      ],
      outputs: [
        { name: 'score', datatype: 'FP32', shape: ['-1', '1'] },
        { name: 'echo', datatype: 'BYTES', shape: ['-1', '1'] },
      ],
    });
  });

  it('scores rows of numbers and texts, and answers raw', async () => {
    const request = rawRequest('flights', {
      carrier: { datatype: 'BYTES', shape: [3, 1], raw: byteStrings('AA', '', 'ZÜ') },
      distance: { datatype: 'FP32', shape: [3, 1], raw: fp32(1, Number.NaN, 3) },
    });
    const answer = await served.client.modelInfer({ ...request, id: 'r-1' });
    expect(answer).toMatchObject({ modelName: 'flights', modelVersion: '7', id: 'r-1' });
    expect(answer.outputs).toMatchObject([
      { name: 'score', datatype: 'FP32', shape: ['3', '1'], contents: null },
      { name: 'echo', datatype: 'BYTES', shape: ['3', '1'], contents: null },
    ]);
    expect(floatsOf(answer.rawOutputContents[0])).toEqual([11, Number.NaN, 2]);
    expect(answer.rawOutputContents[1]).toEqual(byteStrings('AA', '', 'ZÜ'));
  });

  it('gives only the outputs that are asked for, in their order', async () => {
    const tensors = {
      distance: { datatype: 'FP32', shape: [1, 1], raw: fp32(1) },
      carrier: { datatype: 'BYTES', shape: [1, 1], raw: byteStrings('BB') },
    };
    const one = await served.client.modelInfer(rawRequest('flights', tensors, { outputs: [{ name: 'echo' }] }));
    expect(one.outputs.map(({ name }) => name)).toEqual(['echo']);
    const both = await served.client.modelInfer(
      rawRequest('flights', tensors, { outputs: [{ name: 'echo' }, { name: 'score' }] }),
    );
    expect(both.outputs.map(({ name }) => name)).toEqual(['echo', 'score']);
    expect(floatsOf(both.rawOutputContents[1])).toEqual([21]);
  });

  it('runs a model whose rows do not batch', async () => {
    const request = rawRequest('total', { x: { datatype: 'FP32', shape: [3, 1], raw: fp32(1, 2, 3) } });
    const answer = await served.client.modelInfer(request);
    expect(floatsOf(answer.rawOutputContents[0])).toEqual([6]);
  });
});

const numbers: readonly (readonly [ElementType, Buffer, string, readonly (number | string | boolean)[]])[] = [
  ['BOOL', Buffer.from([1, 0]), 'boolContents', [true, false]],
  ['INT8', Buffer.from(new Int8Array([-128, 127]).buffer), 'intContents', [-128, 127]],
  ['INT16', Buffer.from(new Int16Array([-5, 32_767]).buffer), 'intContents', [-5, 32_767]],
  ['INT32', Buffer.from(new Int32Array([-(2 ** 31), 7]).buffer), 'intContents', [-(2 ** 31), 7]],
  [
    'INT64',
    Buffer.from(new BigInt64Array([-(2n ** 63n), 9007199254740993n]).buffer),
    'int64Contents',
    ['-9223372036854775808', '9007199254740993'],
  ],
  ['UINT8', Buffer.from([0, 255]), 'uintContents', [0, 255]],
  ['UINT16', Buffer.from(new Uint16Array([1, 65_535]).buffer), 'uintContents', [1, 65_535]],
  ['UINT32', Buffer.from(new Uint32Array([1, 2 ** 32 - 1]).buffer), 'uintContents', [1, 2 ** 32 - 1]],
  [
    'UINT64',
    Buffer.from(new BigUint64Array([1n, 2n ** 64n - 1n]).buffer),
    'uint64Contents',
    ['1', '18446744073709551615'],
  ],
  ['FP32', fp32(1.5, Number.NEGATIVE_INFINITY), 'fp32Contents', [1.5, Number.NEGATIVE_INFINITY]],
  ['FP64', Buffer.from(new Float64Array([0.1, -0]).buffer), 'fp64Contents', [0.1, -0]],
  ['BYTES', byteStrings('', 'übergröße'), 'bytesContents', ['', 'übergröße']],
  ['FP16', Buffer.from(new Uint16Array([0x3c00, 0x7bff]).buffer), '', []],
];

describe('every datatype', () => {
  it.each(numbers)('%s comes back bit for bit, raw and typed', async (type, raw, field, values) => {
    await load(served.host, `identity-${type}`, 1, identityModel(type));
    const name = `identity-${type}`;
    const answer = await served.client.modelInfer(rawRequest(name, { x: { datatype: type, shape: [1, 2], raw } }));
    expect(Buffer.from(answer.rawOutputContents[0] ?? [])).toEqual(raw);
    if (field === '') return;
    const typed = type === 'BYTES' ? values.map((text) => Buffer.from(String(text))) : values;
    const inputs = [{ name: 'x', datatype: type, shape: [1, 2], contents: { [field]: typed } }];
    const again = await served.client.modelInfer({ modelName: name, inputs });
    expect(Buffer.from(again.rawOutputContents[0] ?? [])).toEqual(raw);
  });
});

describe('a request with something wrong', () => {
  it('a failing run is INTERNAL with the reason', async () => {
    const request = rawRequest('fragile', {
      at: { datatype: 'INT64', shape: [1], raw: Buffer.from(new BigInt64Array([9n]).buffer) },
    });
    await expect(served.client.modelInfer(request)).rejects.toMatchObject({
      code: 'INTERNAL',
      message: expect.stringMatching(/inference failed: .*(Gather|indices)/),
    });
  });

  it('typed contents above a mebibyte are refused, below they are taken', async () => {
    const rows = 1_000;
    await load(served.host, 'wide', 1, identityModel('FP32'));
    const contents = { fp32Contents: new Array<number>(300_000).fill(1) };
    const inputs = [{ name: 'x', datatype: 'FP32', shape: [150_000, 2], contents }];
    await expect(served.client.modelInfer({ modelName: 'wide', inputs })).rejects.toMatchObject({
      code: 'TOO_LARGE',
      message: expect.stringContaining('raw_input_contents'),
    });
    const fine = [
      { name: 'x', datatype: 'FP32', shape: [rows, 2], contents: { fp32Contents: new Array(2 * rows).fill(2) } },
    ];
    expect((await served.client.modelInfer({ modelName: 'wide', inputs: fine })).outputs[0]?.shape).toEqual([
      '1000',
      '2',
    ]);
  });

  it('a model or version that is not there is an error of modelReady, too', async () => {
    await expect(served.client.modelReady({ name: 'x' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(served.client.modelMetadata({ name: 'linear', version: '3' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });
});
