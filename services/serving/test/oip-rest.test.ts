import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flightModel, fragileModel, identityModel, linearModel } from './models.js';
import { load, type Served, serve } from './serve.js';

let served: Served;

beforeAll(async () => {
  served = await serve();
  await load(served.host, 'linear', 1, linearModel());
  await load(served.host, 'linear', 2, linearModel(100));
  await load(served.host, 'flights', 7, flightModel());
  await load(served.host, 'fragile', 1, fragileModel());
  for (const type of ['FP32', 'FP64', 'INT64', 'UINT64', 'BOOL', 'INT8', 'FP16'] as const) {
    await load(served.host, type, 1, identityModel(type));
  }
});

afterAll(() => served.stop());

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly text: string;
}

async function ask(method: 'GET' | 'POST' | 'PUT', url: string, body?: unknown): Promise<Answer> {
  const payload = body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) };
  const { statusCode, payload: text } = await served.app.inject({ method, url, ...payload });
  return { status: statusCode, body: JSON.parse(text), text };
}

const post = (model: string, body: unknown) => ask('POST', `/v2/models/${model}/infer`, body);
const one = (datatype: string, data: unknown, shape = [1, 2]) => ({ inputs: [{ name: 'x', datatype, shape, data }] });

describe('OIP REST: state and metadata', () => {
  it('answers small JSON for server, health and models', async () => {
    expect((await ask('GET', '/v2')).body).toEqual({
      name: 'relearn',
      version: '0.0.0-test',
      extensions: expect.arrayContaining(['binary_tensor_data']),
    });
    expect(await ask('GET', '/v2/health/live')).toMatchObject({ status: 200, body: { live: true } });
    expect(await ask('GET', '/v2/health/ready')).toMatchObject({ status: 200, body: { ready: true } });
    expect(await ask('GET', '/v2/models/linear/ready')).toMatchObject({
      status: 200,
      body: { name: 'linear', ready: true },
    });
    expect(await ask('GET', '/v2/models/linear/versions/1/ready')).toMatchObject({ status: 200 });
    expect((await ask('GET', '/v2/models/linear')).body).toEqual({
      name: 'linear',
      versions: ['1', '2'],
      platform: 'onnxruntime_onnx',
      inputs: [
        { name: 'a', datatype: 'FP32', shape: [-1, 1] },
        { name: 'b', datatype: 'FP32', shape: [-1, 1] },
      ],
      outputs: [{ name: 'score', datatype: 'FP32', shape: [-1, 1] }],
    });
  });

  it.each(['/v2/models/x', '/v2/models/x/ready', '/v2/models/linear/versions/9', '/v2/models/linear/versions/9/ready'])(
    'GET %s is 404 with an error',
    async (url) => {
      expect(await ask('GET', url)).toMatchObject({
        status: 404,
        body: { error: expect.stringContaining('unknown model') },
      });
    },
  );

  it.each([
    ['/v2', 'GET, HEAD'],
    ['/v2/health/live', 'GET, HEAD'],
    ['/v2/health/ready', 'GET, HEAD'],
    ['/v2/models', 'GET, HEAD'],
    ['/v2/models/stats', 'GET, HEAD'],
    ['/v2/models/linear', 'GET, HEAD'],
    ['/v2/models/linear/ready', 'GET, HEAD'],
    ['/v2/models/linear/versions/1/config', 'GET, HEAD'],
    ['/v2/models/linear/infer', 'POST'],
    ['/v2/models/linear/versions/1/infer', 'POST'],
    ['/v2/repository/index', 'POST'],
    ['/v2/repository/models/linear/load', 'POST'],
    ['/v2/systemsharedmemory/status', 'GET, HEAD'],
    ['/v2/trace/setting', 'GET, HEAD, POST'],
  ])('answers 405 to a wrong verb at %s', async (url, allowed) => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const) {
      if (allowed.includes(method)) continue;
      const { statusCode, headers, payload } = await served.app.inject({ method, url, payload: 'x' });
      expect([statusCode, headers['allow'], payload]).toEqual([405, allowed, '{"error":"Method Not Allowed"}']);
      expect(headers['content-type']).toBe('application/json');
    }
  });

  it('tells of configuration, statistics and repository in the names of the .proto', async () => {
    const { body: config } = await ask('GET', '/v2/models/linear/config');
    expect(config).toMatchObject({
      name: 'linear',
      platform: 'onnxruntime_onnx',
      max_batch_size: 1_000,
      input: [
        { name: 'a', data_type: 'TYPE_FP32', dims: [1] },
        { name: 'b', data_type: 'TYPE_FP32', dims: [1] },
      ],
    });
    const inputs = ['a', 'b'].map((name) => ({ name, datatype: 'FP32', shape: [3, 1], data: [1, 2, 3] }));
    expect((await post('linear', { inputs })).status).toBe(200);
    const { body: one } = await ask('GET', '/v2/models/linear/versions/2/stats');
    expect(one).toMatchObject({
      model_stats: [{ name: 'linear', version: '2', inference_stats: { success: { count: expect.any(Number) } } }],
    });
    const { body: all } = await ask('GET', '/v2/models/stats');
    expect(all['model_stats']).toHaveLength(11);
    expect(await ask('GET', '/v2/models/x/stats')).toMatchObject({
      status: 400,
      body: { error: "requested model 'x' is not available" },
    });
    expect((await ask('GET', '/v2/models')).body['models']).toContain('linear');
    for (const body of [undefined, {}, { ready: true }, { ready: false }]) {
      const index = JSON.parse((await ask('POST', '/v2/repository/index', body)).text);
      expect(index).toContainEqual({ name: 'linear', version: '2', state: 'READY', reason: '' });
    }
    expect((await ask('POST', '/v2/repository/index', '{"ready":1}')).status).toBe(400);
    expect((await ask('POST', '/v2/repository/index', '{')).status).toBe(400);
  });

  it.each([
    ['POST', '/v2/repository/models/linear/load', 503, 'explicit model load / unload is not allowed'],
    ['POST', '/v2/repository/models/linear/unload', 503, 'explicit model load / unload is not allowed'],
    ['POST', '/v2/repository/r/models/linear/load', 501, "'repository_name' specification is not supported"],
    ['POST', '/v2/repository/r/index', 501, "'repository_name' specification is not supported"],
    ['GET', '/v2/cudasharedmemory/region/r/status', 404, "Unable to find cuda shared memory region: 'r'"],
    ['POST', '/v2/systemsharedmemory/region/r/register', 501, 'Client shared memory is not offered'],
    ['GET', '/v2/models/none/trace/setting', 404, "Request for unknown model: 'none' is not found"],
    ['POST', '/v2/models/linear/trace/setting', 503, 'the server does not support changes of its trace settings'],
    ['POST', '/v2/logging', 503, 'the server does not support dynamic logging'],
    ['GET', '/v2/models/linear/nothing', 404, 'Not Found'],
    ['POST', '/v2/models/linear/generate', 404, 'Not Found'],
    ['GET', '/v2/', 404, 'Not Found'],
  ] as const)('%s %s is %i', async (method, url, status, text) => {
    const body = method === 'POST' ? {} : undefined;
    expect(await ask(method, url, body)).toMatchObject({ status, body: { error: expect.stringContaining(text) } });
  });

  it('has no shared memory regions to tell of, and none to take away', async () => {
    expect((await ask('GET', '/v2/systemsharedmemory/status')).text).toBe('[]');
    for (const region of ['systemsharedmemory', 'systemsharedmemory/region/r', 'cudasharedmemory']) {
      const { statusCode } = await served.app.inject({
        method: 'POST',
        url: `/v2/${region}/unregister`,
        payload: '{}',
      });
      expect(statusCode).toBe(200);
    }
  });

  it('tells how it traces and logs', async () => {
    for (const path of ['/v2/trace/setting', '/v2/models/linear/trace/setting']) {
      expect((await ask('GET', path)).body).toMatchObject({ trace_level: ['OFF'], trace_rate: '1000', trace_file: '' });
    }
    expect((await ask('GET', '/v2/logging')).body).toMatchObject({ log_info: true, log_verbose_level: 0 });
  });

  it('knows versions by label, and refuses what is no version', async () => {
    expect(await ask('GET', '/v2/models/linear/versions/champion/ready')).toMatchObject({ status: 200 });
    const inputs = ['a', 'b'].map((name) => ({ name, datatype: 'FP32', shape: [1, 1], data: [1] }));
    const champion = await ask('POST', '/v2/models/linear/versions/champion/infer', { inputs });
    expect(champion.body).toMatchObject({ model_version: '2', outputs: [{ data: [105] }] });
    for (const version of ['challenger', 'x', '1.5']) {
      expect(await ask('POST', `/v2/models/linear/versions/${version}/infer`, { inputs })).toMatchObject({
        status: 400,
        body: {
          error: expect.stringContaining(`failed to get model version from specified version string '${version}'`),
        },
      });
    }
  });
});

describe('OIP REST: inference', () => {
  it('scores flat and nested data by the version in force or a named one', async () => {
    const inputs = [
      { name: 'a', datatype: 'FP32', shape: [2, 1], data: [1, 2] },
      { name: 'b', datatype: 'FP32', shape: [2, 1], data: [[10], [20]] },
    ];
    expect((await post('linear', { id: 'q', inputs })).body).toEqual({
      model_name: 'linear',
      model_version: '2',
      id: 'q',
      outputs: [{ name: 'score', datatype: 'FP32', shape: [2, 1], data: [132, 164] }],
    });
    const first = await ask('POST', '/v2/models/linear/versions/1/infer', { inputs });
    expect(first.body).toMatchObject({ model_version: '1', outputs: [{ data: [32, 64] }] });
  });

  it('carries texts and missing values, and gives only the outputs asked for', async () => {
    const answer = await post('flights', {
      inputs: [
        { name: 'distance', datatype: 'FP32', shape: [2, 1], data: [null, 5] },
        { name: 'carrier', datatype: 'BYTES', shape: [2, 1], data: ['AA', 'grün'] },
      ],
      outputs: [{ name: 'echo' }, { name: 'score' }],
      parameters: { binary_data_output: true },
    });
    expect(answer.body['outputs']).toEqual([
      { name: 'echo', datatype: 'BYTES', shape: [2, 1], data: ['AA', 'grün'] },
      { name: 'score', datatype: 'FP32', shape: [2, 1], data: ['NaN', 4] },
    ]);
  });

  it('writes NaN and infinities as strings and reads them back', async () => {
    const answer = await post('FP64', one('FP64', ['NaN', '-Infinity']));
    expect(answer.text).toContain('"data":["NaN","-Infinity"]');
    expect((await post('FP32', one('FP32', [null, 'Infinity']))).text).toContain('"data":["NaN","Infinity"]');
  });

  it('keeps 64-bit integers to the last digit, as numbers and as strings', async () => {
    for (const data of ['[7,-9223372036854775808]', '["7","-9223372036854775808"]']) {
      const body = `{"inputs":[{"name":"x","datatype":"INT64","shape":[1,2],"data":${data}}]}`;
      expect((await post('INT64', body)).text).toContain('"data":[7,-9223372036854775808]');
    }
    const most = '{"inputs":[{"name":"x","datatype":"UINT64","shape":[1,2],"data":[18446744073709551615,0]}]}';
    expect((await post('UINT64', most)).text).toContain('[18446744073709551615,0]');
    const above = most.replace('18446744073709551615', '18446744073709551616');
    expect(await post('UINT64', above)).toMatchObject({ status: 400 });
  });

  it('keeps the sign of zero', async () => {
    const body = '{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[-0.0,0]}]}';
    expect((await post('FP32', body)).text).toContain('"data":[-0.0,0]');
  });

  it('takes booleans', async () => {
    expect((await post('BOOL', one('BOOL', [true, false]))).text).toContain('"data":[true,false]');
  });
});

describe('OIP REST: bad requests', () => {
  it.each([
    ['no JSON', '{'],
    ['bare NaN', '{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[NaN,1]}]}'],
    ['an array', []],
    ['no inputs', {}],
    ['inputs of another kind', { inputs: 'x' }],
    ['an input that is no object', { inputs: [3] }],
    ['a shape that is no array', { inputs: [{ name: 'x', datatype: 'FP32', shape: 2, data: [] }] }],
    ['a size that is no integer', one('FP32', [1, 2], [1, 2.5])],
    ['a null parameter', { ...one('FP32', [1, 2]), parameters: { a: null } }],
    ['an output without a name', { ...one('FP32', [1, 2]), outputs: [{}] }],
    ['no data', one('FP32', undefined)],
    ['too few values', one('FP32', [1])],
    ['a text for a number', one('FP32', ['1', 2])],
    ['a number that is too great', one('FP32', [1e39, 2])],
    ['data that is no array', one('FP32', 5, [1, 1])],
    ['arrays beside values', one('FP32', [[1], 2])],
    ['an object for a number', one('FP32', [{}, 2])],
    ['data nested deeper than the shape', one('FP32', [[[1]], 2])],
    ['a shape beyond memory', one('FP32', [1, 2], [2 ** 40, 2])],
    ['a shape beyond numbers', one('FP32', [1, 2], [2 ** 40, 2 ** 40])],
  ])('%s is 400 with an error', async (_what, body) => {
    expect(await post('FP32', body)).toMatchObject({ status: 400, body: { error: expect.any(String) } });
  });

  it.each([
    ['INT64', ['9223372036854775808', 1]],
    ['INT64', [1.5, 1]],
    ['UINT64', ['-1', 1]],
    ['INT8', [128, 1]],
    ['BOOL', [1, 0]],
    ['INT8', ['1', 1]],
    ['FP16', [1, 2]],
  ])('a value that %s cannot hold is 400: %j', async (type, data) => {
    expect(await post(type, one(type, data))).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining(type) },
    });
  });

  it('says what the protocol says', async () => {
    const answer = await post('linear', {
      inputs: ['a', 'b'].map((name) => ({ name, datatype: 'FP32', shape: [4, 1], data: [1, 2, 3] })),
    });
    expect(answer.body).toEqual({
      error:
        "Unable to parse 'data': Shape does not match true shape of 'data' field: 3 values for [4,1] in input 'a' for model 'linear'",
    });
    expect(await post('x', one('FP32', [1, 2]))).toMatchObject({
      status: 404,
      body: { error: "Request for unknown model: 'x' is not found" },
    });
  });

  it('survives 200,000 nested arrays, wherever they stand', async () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    const body = `{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":${deep}}]}`;
    expect((await post('FP32', body)).status).toBe(400);
    expect((await post('FP32', deep)).status).toBe(400);
    expect((await ask('GET', '/v2/health/live')).status).toBe(200);
  });

  it('refuses JSON above its limit, and answers a failed run with 500', async () => {
    const large = one('FP32', [1, 2]);
    expect(await post('FP32', `${JSON.stringify(large)}${' '.repeat(9 << 20)}`)).toMatchObject({
      status: 413,
      body: { error: expect.stringContaining('send tensors in binary') },
    });
    const failed = await post('fragile', { inputs: [{ name: 'at', datatype: 'INT64', shape: [1], data: [9] }] });
    expect(failed).toMatchObject({ status: 500, body: { error: expect.stringContaining('inference failed') } });
  });

  it('takes any content type for JSON', async () => {
    const answer = await served.app.inject({
      method: 'POST',
      url: '/v2/models/FP32/infer',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: JSON.stringify(one('FP32', [1, 2])),
    });
    expect(answer.statusCode).toBe(200);
  });
});
