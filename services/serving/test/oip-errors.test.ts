import { Client as RawClient, credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flightModel, fragileModel, identityModel, linearModel, totalModel } from './models.js';
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
  await load(served.host, 'fragile', 1, fragileModel());
  await load(served.host, 'total', 1, totalModel());
  await load(served.host, 'half', 1, identityModel('FP16'));
  await load(served.host, 'small', 1, identityModel('UINT8'));
});

afterAll(async () => {
  client.close();
  await served.stop();
});

const ask = (request: WireRequest) => askRaw(client, 'ModelInfer', inferBytes(request));

const good = { datatype: 'FP32', shape: [1, 1], raw: fp32(1) };
const withA = (more: object) => rawRequest('linear', { a: { ...good, ...more }, b: good });
const typed = (name: string, datatype: string, contents?: object) => ({
  name,
  datatype,
  shape: [1, 1],
  ...(contents === undefined ? {} : { contents: { ...contents } }),
});
const typedLinear = (contents?: object, datatype = 'FP32') => ({
  modelName: 'linear',
  inputs: ['a', 'b'].map((name) => typed(name, datatype, contents)),
});
const flights = (raw: Buffer, rows = 1) =>
  rawRequest('flights', {
    distance: { datatype: 'FP32', shape: [rows, 1], raw: Buffer.alloc(4 * rows) },
    carrier: { datatype: 'BYTES', shape: [rows, 1], raw },
  });
const parameter = (name: string, value: Record<string, unknown>) =>
  linearRequest([1], [1], { parameters: { [name]: value } });
const unknown = '[request id: <id_unknown>] ';
const reserved =
  "parameter keys starting with 'triton_' are reserved for Triton usage. Only the following keys starting with 'triton_' are allowed: triton_enable_empty_final_response";

type Row = readonly [string, WireRequest, string];

const notFound: readonly Row[] = [
  ['an unknown model', { modelName: 'x' }, "Request for unknown model: 'x' is not found"],
  ['no model name', { modelName: '' }, "Request for unknown model: '' is not found"],
  [
    'an unknown version',
    linearRequest([1], [1], { modelVersion: '9' }),
    "Request for unknown model: 'linear' version 9 is not found",
  ],
  [
    'a version beyond 2^53',
    linearRequest([1], [1], { modelVersion: '9223372036854775807' }),
    "Request for unknown model: 'linear' version 9223372036854775807 is not found",
  ],
  [
    'a tensor in shared memory',
    {
      ...linearRequest([1], [1]),
      inputs: [{ ...typed('a', 'FP32'), parameters: { shared_memory_region: { stringParam: 'r' } } }],
    },
    "Unable to find shared memory region: 'r'",
  ],
];

const versions: readonly Row[] = ['v1', '1.5', ' 1', '9223372036854775808'].map((version) => [
  `version '${version}'`,
  linearRequest([1], [1], { modelVersion: version }),
  `failed to get model version from specified version string '${version}' (details: stol), version should be an integral value > 0`,
]);

const shapes: readonly Row[] = [
  [
    'a negative version',
    linearRequest([1], [1], { modelVersion: '-1' }),
    "invalid model version specified '-1' , version should be an integral value > 0",
  ],
  [
    'a wrong inner size',
    withA({ shape: [1, 2], raw: fp32(1, 2) }),
    `${unknown}unexpected shape for input 'a' for model 'linear'. Expected [-1,1], got [1,2]. `,
  ],
  [
    'a wrong rank',
    { ...withA({ shape: [1] }), id: 'me' },
    "[request id: me] unexpected shape for input 'a' for model 'linear'. Expected [-1,1], got [1]. ",
  ],
  [
    'no shape',
    withA({ shape: [] }),
    `${unknown}input 'a' has no shape but model requires batch dimension for 'linear'`,
  ],
  [
    'no rows',
    rawRequest('linear', { a: { ...good, shape: [0, 1], raw: fp32() }, b: { ...good, shape: [0, 1], raw: fp32() } }),
    `${unknown}unexpected shape for input 'a' for model 'linear'. Expected [-1,1], got [0,1]. `,
  ],
  [
    'a batch of -1',
    withA({ shape: [-1, 1] }),
    `${unknown}All input dimensions should be specified for input 'a' for model 'linear', got [-1,1]`,
  ],
  [
    'an inner size of -1',
    withA({ shape: [1, -1] }),
    `${unknown}All input dimensions should be specified for input 'a' for model 'linear', got [1,-1]`,
  ],
  [
    'sizes that overflow',
    withA({ shape: [1, 2 ** 40, 2 ** 40] }),
    `${unknown}unexpected shape for input 'a' for model 'linear'. Expected [-1,1], got [1,1099511627776,1099511627776]. `,
  ],
  [
    'a batch that overflows',
    rawRequest('linear', { a: { ...good, shape: [2 ** 40, 1] }, b: { ...good, shape: [2 ** 40, 1] } }),
    `${unknown}inference request batch-size must be <= 1000 for 'linear'`,
  ],
  [
    'sizes that overflow, without a batch axis',
    rawRequest('total', { x: { ...good, shape: [2 ** 40, 1] } }),
    `${unknown}input byte size mismatch for input 'x' for model 'total'. Expected 4398046511104, got 4`,
  ],
  [
    'a size beyond 2^53, without a batch axis',
    rawRequest('total', { x: { ...good, shape: [2 ** 62, 1] } }),
    `${unknown}unexpected shape for input 'x' for model 'total'. Expected [-1,1], got [4611686018427388000,1]. `,
  ],
  [
    'inputs of different batch sizes',
    rawRequest('linear', { a: { ...good, shape: [2, 1], raw: fp32(1, 2) }, b: good }),
    `${unknown}input 'b' batch size does not match other inputs for 'linear'`,
  ],
];

const tensors: readonly Row[] = [
  [
    'a wrong datatype',
    withA({ datatype: 'FP64', raw: Buffer.alloc(8) }),
    `${unknown}inference input 'a' data-type is 'FP64', but model 'linear' expects 'FP32'`,
  ],
  [
    'BF16, which no model takes',
    withA({ datatype: 'BF16', raw: Buffer.alloc(2) }),
    `${unknown}inference input 'a' data-type is 'BF16', but model 'linear' expects 'FP32'`,
  ],
  [
    'a datatype that there is not',
    withA({ datatype: 'FP33' }),
    `${unknown}inference input 'a' data-type is '<invalid>', but model 'linear' expects 'FP32'`,
  ],
  [
    'too few bytes',
    withA({ raw: fp32(1).subarray(0, 3) }),
    `${unknown}input byte size mismatch for input 'a' for model 'linear'. Expected 4, got 3`,
  ],
  [
    'too many bytes',
    withA({ raw: fp32(1, 2) }),
    `${unknown}input byte size mismatch for input 'a' for model 'linear'. Expected 4, got 8`,
  ],
  ['an unknown input', rawRequest('linear', { a: good, z: good }), "unexpected inference input 'z' for model 'linear'"],
  [
    'a missing input',
    { ...rawRequest('linear', { a: good }), id: 'r7' },
    "[request id: r7] expected 2 inputs but got 1 inputs for model 'linear'. Got input(s) ['a'], but missing required input(s) ['b']. Please provide all required input(s).",
  ],
  [
    'no input',
    { modelName: 'linear' },
    `${unknown}expected 2 inputs but got 0 inputs for model 'linear'. Got input(s) [], but missing required input(s) ['a','b']. Please provide all required input(s).`,
  ],
  [
    'an input given twice',
    { ...linearRequest([1], [1]), inputs: [typed('a', 'FP32'), typed('a', 'FP32')] },
    `${unknown}input 'a' already exists in request`,
  ],
  [
    'an unknown output',
    linearRequest([1], [1], { outputs: [{ name: 'z' }] }),
    "unexpected inference output 'z' for model 'linear'",
  ],
];

const contents: readonly Row[] = [
  [
    'raw and typed contents',
    { ...linearRequest([1], [1]), inputs: typedLinear({ fp32Contents: [1] }).inputs },
    "contents field must not be specified when using raw_input_contents for 'a' for model 'linear'",
  ],
  ['no data at all', typedLinear(), "unable to find data for input tensor 'a' for model 'linear' in request."],
  [
    'contents without a value',
    typedLinear({}),
    `${unknown}input byte size mismatch for input 'a' for model 'linear'. Expected 4, got 0`,
  ],
  [
    'fewer raw contents than inputs',
    { ...linearRequest([1], [1]), rawInputContents: [fp32(1)] },
    "unable to find data for input tensor 'b' for model 'linear' in request.",
  ],
  [
    'more raw contents than inputs',
    { ...linearRequest([1], [1]), rawInputContents: [fp32(1), fp32(1), fp32(1)] },
    "expected number of raw_input_contents to be at most the number of inputs (2) for model 'linear'",
  ],
  [
    'contents of another type',
    typedLinear({ intContents: [1] }),
    "unexpected explicit tensor data for input tensor 'a' for model 'linear' of type 'INT32', expected datatype 'FP32'",
  ],
  [
    'contents that do not fit the datatype beside them',
    typedLinear({ fp32Contents: [1] }, 'FP64'),
    "unexpected explicit tensor data for input tensor 'a' for model 'linear' of type 'FP32', expected datatype 'FP64'",
  ],
  [
    'two kinds of contents',
    typedLinear({ fp32Contents: [1], fp64Contents: [1] }),
    "unexpected explicit tensor data for input tensor 'a' for model 'linear', binary data was already supplied.",
  ],
  [
    'FP16 in typed contents',
    { modelName: 'half', inputs: [{ ...typed('x', 'FP16', { fp32Contents: [1, 2] }), shape: [1, 2] }] },
    "unexpected explicit tensor data for input tensor 'x' for model 'half' of type 'FP32', expected datatype 'FP16'",
  ],
  [
    'a value beyond its datatype',
    { modelName: 'small', inputs: [{ ...typed('x', 'UINT8', { uintContents: [1, 256] }), shape: [1, 2] }] },
    "value 256 of input tensor 'x' for model 'small' is no UINT8",
  ],
  [
    'a text length that is cut',
    flights(Buffer.from([1, 0])),
    `${unknown}incomplete string length indicator for inference input 'carrier' for model 'flights', expecting 4 bytes but only 2 bytes available. Please make sure the string length indicator is in one buffer.`,
  ],
  [
    'a text that is cut',
    flights(Buffer.from([9, 0, 0, 0, 65])),
    `${unknown}incomplete string data for inference input 'carrier' for model 'flights', expecting string of length 9 but only 1 bytes available`,
  ],
  [
    'a text of 4 GiB',
    flights(Buffer.from([255, 255, 255, 255])),
    `${unknown}incomplete string data for inference input 'carrier' for model 'flights', expecting string of length 4294967295 but only 0 bytes available`,
  ],
  [
    'too many texts',
    flights(byteStrings('a', 'b', 'c')),
    `${unknown}unexpected number of string elements 2 for inference input 'carrier' for model 'flights', expecting 1`,
  ],
  [
    'too few texts',
    flights(byteStrings('a'), 2),
    `${unknown}expected 2 string elements for inference input 'carrier' for model 'flights', got 1`,
  ],
  [
    'a text that is no UTF-8',
    flights(Buffer.from([1, 0, 0, 0, 0xff])),
    `${unknown}string element 0 of inference input 'carrier' for model 'flights' is not UTF-8`,
  ],
  [
    'a text with a NUL in it',
    flights(byteStrings('a\0b')),
    `${unknown}string element 0 of inference input 'carrier' for model 'flights' holds a NUL character, at which the runtime would cut it off`,
  ],
];

const parameters: readonly Row[] = [
  [
    'a timeout that is no int64',
    parameter('timeout', { uint64Param: 1 }),
    "invalid value type for 'timeout' parameter, expected int64_param.",
  ],
  [
    'a priority that is a text',
    parameter('priority', { stringParam: '1' }),
    "invalid value type for 'priority' parameter, expected int64_param or uint64_param.",
  ],
  [
    'a negative priority',
    parameter('priority', { int64Param: -1 }),
    "invalid value for 'priority', expected value >= 0.",
  ],
  [
    'a sequence id that is a boolean',
    parameter('sequence_id', { boolParam: true }),
    "invalid value type for 'sequence_id' parameter, expected int64_param or string_param.",
  ],
  [
    'a start of a sequence that is a number',
    parameter('sequence_start', { int64Param: 1 }),
    "invalid value type for 'sequence_start' parameter, expected bool_param.",
  ],
  ['a reserved parameter', parameter('triton_x', { boolParam: true }), reserved],
  [
    'classes of a text',
    {
      ...flights(byteStrings('a')),
      outputs: [{ name: 'echo', parameters: { classification: { int64Param: 1 } } }],
    },
    "class result not available for output due to unsupported type 'BYTES'",
  ],
  [
    'a number of classes that is a text',
    linearRequest([1], [1], { outputs: [{ name: 'score', parameters: { classification: { stringParam: '1' } } }] }),
    "invalid value type for 'classification' parameter, expected int64_param",
  ],
  [
    'no classes',
    linearRequest([1], [1], { outputs: [{ name: 'score', parameters: { classification: { int64Param: 0 } } }] }),
    "invalid value for 'classification' parameter, expected >= 0",
  ],
  [
    'event ids that do not fit the rows',
    parameter('event_ids', { stringParam: '["a","b"]' }),
    "parameter 'event_ids' names 2 ids for 1 rows",
  ],
  ['event ids that are no JSON', parameter('event_ids', { stringParam: '[' }), "parameter 'event_ids' is not JSON"],
];

describe('what is wrong with a request is told by status and message', () => {
  it.each(notFound)('%s: NOT_FOUND', async (_what, request, message) => {
    expect(await ask(request)).toEqual(['NOT_FOUND', message]);
  });

  it.each([...versions, ...shapes, ...tensors, ...contents, ...parameters])(
    '%s: INVALID_ARGUMENT',
    async (_what, request, message) => {
      expect(await ask(request)).toEqual(['INVALID_ARGUMENT', message]);
    },
  );

  it('typed contents above a mebibyte: INVALID_ARGUMENT', async () => {
    const inputs = [{ ...typed('a', 'FP32', { fp32Contents: new Array(300_000).fill(1) }), shape: [300_000, 1] }];
    expect(await ask({ modelName: 'linear', inputs })).toEqual([
      'INVALID_ARGUMENT',
      "typed contents of 1200004 bytes exceed 1048576 bytes for model 'linear': use raw_input_contents",
    ]);
  });

  it('a version that cannot be served: UNAVAILABLE', async () => {
    await expect(served.host.load('gone', 1, Buffer.from('no model'), null, { digest: 'x' })).rejects.toThrow('not x');
    expect(await ask({ modelName: 'gone', modelVersion: '1' })).toEqual([
      'UNAVAILABLE',
      "Request for unknown model: 'gone' version 1 is not at ready state",
    ]);
    expect(await ask({ modelName: 'gone' })).toEqual([
      'NOT_FOUND',
      "Request for unknown model: 'gone' has no available versions",
    ]);
  });

  it('a message that quotes half a character is cut before it', async () => {
    for (const length of [1_950, 1_951, 1_952, 1_953, 3_000]) {
      const [code, message] = await ask({ modelName: `${'x'.repeat(length)}${'😀'.repeat(40)}` });
      expect([code, /\p{Surrogate}/u.test(message)]).toEqual(['NOT_FOUND', false]);
    }
    expect(await served.client.serverLive({})).toEqual({ live: true });
  });
});
