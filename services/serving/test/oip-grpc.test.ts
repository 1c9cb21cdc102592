import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flightModel, fragileModel, identityModel, linearModel, totalModel } from './models.js';
import type { ElementType } from './onnx.js';
import { byteStrings, floatsOf, fp32, linearRequest, load, rawRequest, type Served, serve } from './serve.js';

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
      extensions: ['schedule_policy', 'model_configuration', 'binary_tensor_data', 'parameters', 'statistics'],
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

const good = { datatype: 'FP32', shape: [1, 1], raw: fp32(1) };
const input = (more: object) => ({ a: { ...good, ...more }, b: good });
const typedInput = (contents: object) => ({
  modelName: 'linear',
  inputs: ['a', 'b'].map((name) => ({ name, datatype: 'FP32', shape: [1, 1], contents: { ...contents } })),
});

const wrong: readonly (readonly [string, Parameters<Served['client']['modelInfer']>[0], number, string])[] = [
  ['an unknown model', { modelName: 'x' }, 404, "Request for unknown model: 'x' is not found"],
  [
    'an unknown version',
    linearRequest([1], [1], { modelVersion: '9' }),
    404,
    "Request for unknown model: 'linear' version 9 is not found",
  ],
  [
    'a version that is no number',
    linearRequest([1], [1], { modelVersion: 'v1' }),
    400,
    "failed to get model version from specified version string 'v1'",
  ],
  [
    'a negative version',
    linearRequest([1], [1], { modelVersion: '-1' }),
    400,
    'version should be an integral value > 0',
  ],
  [
    'a wrong inner size',
    rawRequest('linear', input({ shape: [1, 2], raw: fp32(1, 2) })),
    400,
    "[request id: <id_unknown>] unexpected shape for input 'a' for model 'linear'. Expected [-1,1], got [1,2]. ",
  ],
  [
    'a wrong rank',
    rawRequest('linear', input({ shape: [1] }), { id: 'me' }),
    400,
    "[request id: me] unexpected shape for input 'a' for model 'linear'. Expected [-1,1], got [1]. ",
  ],
  [
    'no rows',
    rawRequest('linear', { a: { ...good, shape: [0, 1], raw: fp32() }, b: { ...good, shape: [0, 1], raw: fp32() } }),
    400,
    'unexpected shape for input',
  ],
  [
    'a size of -1',
    rawRequest('linear', input({ shape: [-1, 1] })),
    400,
    "All input dimensions should be specified for input 'a' for model 'linear', got [-1,1]",
  ],
  [
    'sizes that overflow',
    rawRequest('linear', input({ shape: [1, 2 ** 40, 2 ** 40] })),
    400,
    "unexpected shape for input 'a'",
  ],
  [
    'a huge batch',
    rawRequest('linear', { a: { ...good, shape: [2 ** 40, 1] }, b: { ...good, shape: [2 ** 40, 1] } }),
    400,
    "inference request batch-size must be <= 1000 for 'linear'",
  ],
  [
    'a wrong datatype',
    rawRequest('linear', input({ datatype: 'FP64', raw: Buffer.alloc(8) })),
    400,
    "inference input 'a' data-type is 'FP64', but model 'linear' expects 'FP32'",
  ],
  [
    'too few bytes',
    rawRequest('linear', {
      a: { ...good, shape: [4, 1], raw: fp32(1, 2, 3) },
      b: { ...good, shape: [4, 1], raw: fp32(1, 2, 3, 4) },
    }),
    400,
    "input byte size mismatch for input 'a' for model 'linear'. Expected 16, got 12",
  ],
  [
    'inputs of different batch sizes',
    rawRequest('linear', { a: { ...good, shape: [2, 1], raw: fp32(1, 2) }, b: good }),
    400,
    "input 'b' batch size does not match other inputs for 'linear'",
  ],
  [
    'an unknown input',
    rawRequest('linear', { a: good, z: good }),
    400,
    "unexpected inference input 'z' for model 'linear'",
  ],
  [
    'a missing input',
    rawRequest('linear', { a: good }),
    400,
    "expected 2 inputs but got 1 inputs for model 'linear'. Got inputs ['a'], but missing required inputs ['b']. Please provide all required inputs.",
  ],
  [
    'an unknown output',
    linearRequest([1], [1], { outputs: [{ name: 'z' }] }),
    400,
    "unexpected inference output 'z' for model 'linear'",
  ],
  [
    'raw and typed contents',
    { ...rawRequest('linear', { a: good, b: good }), inputs: typedInput({ fp32Contents: [1] }).inputs },
    400,
    "contents field must not be specified when using raw_input_contents for 'a' for model 'linear'",
  ],
  ['no data at all', typedInput({}), 400, "unable to find data for input tensor 'a' for model 'linear' in request."],
  [
    'fewer raw contents than inputs',
    { ...rawRequest('linear', { a: good, b: good }), rawInputContents: [fp32(1)] },
    400,
    "unable to find data for input tensor 'b' for model 'linear' in request.",
  ],
  [
    'more raw contents than inputs',
    { ...linearRequest([1], [1]), rawInputContents: [fp32(1), fp32(1), fp32(1)] },
    400,
    'raw_input_contents',
  ],
  [
    'typed contents of another type',
    typedInput({ intContents: [1] }),
    400,
    "unexpected explicit tensor data for input tensor 'a' for model 'linear' of type 'INT32', expected datatype 'FP32'",
  ],
  [
    'two kinds of typed contents',
    typedInput({ fp32Contents: [1], fp64Contents: [1] }),
    400,
    'unexpected explicit tensor data',
  ],
  [
    'event ids that do not fit the rows',
    linearRequest([1], [1], { parameters: { event_ids: { stringParam: '["a","b"]' } } }),
    400,
    "parameter 'event_ids' names 2 ids for 1 rows",
  ],
  [
    'event ids that are no JSON',
    linearRequest([1], [1], { parameters: { event_ids: { stringParam: '[' } } }),
    400,
    "parameter 'event_ids' is not JSON",
  ],
];

const codes: Readonly<Record<number, string>> = { 400: 'INVALID_INPUT', 404: 'NOT_FOUND' };

describe('a request with something wrong', () => {
  it.each(wrong)('%s is refused by its name', async (_what, request, status, message) => {
    await expect(served.client.modelInfer(request)).rejects.toMatchObject({
      code: codes[status],
      message: expect.stringContaining(message),
    });
  });

  it('text contents that end too early, are too many or no UTF-8 are refused', async () => {
    const ask = (raw: Buffer) =>
      served.client.modelInfer(
        rawRequest('flights', {
          distance: { datatype: 'FP32', shape: [1, 1], raw: fp32(1) },
          carrier: { datatype: 'BYTES', shape: [1, 1], raw },
        }),
      );
    await expect(ask(Buffer.from([1, 0]))).rejects.toThrow(/incomplete string length indicator/);
    await expect(ask(Buffer.from([9, 0, 0, 0, 65]))).rejects.toThrow(/expecting string of length 9 but only 1 bytes/);
    await expect(ask(byteStrings('a', 'b'))).rejects.toThrow(/unexpected number of string elements 2/);
    await expect(ask(Buffer.from([1, 0, 0, 0, 0xff]))).rejects.toThrow(/is not UTF-8/);
  });

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
