import { systemClock } from '@relearn/kernel';
import { afterEach, describe, expect, it } from 'vitest';
import { HeldSessions } from './held-sessions.js';
import { flightModel, fragileModel, identityModel, linearModel, totalModel } from './models.js';
import { byteStrings, fp32, linearRequest, load, rawRequest, type Served, serve } from './serve.js';

let served: Served | undefined;

afterEach(async () => {
  await served?.stop();
  served = undefined;
});

describe("a model's configuration", () => {
  it('says how it is batched, without the batch axis in its dims', async () => {
    const { host, client } = (served = await serve({ maxRequestRows: 500, maxQueuedRequests: 77 }));
    await load(host, 'flights', 7, flightModel());
    expect(await client.modelConfig({ name: 'flights' })).toMatchObject({
      config: {
        name: 'flights',
        platform: 'onnxruntime_onnx',
        backend: 'onnxruntime',
        versionPolicy: { policyChoice: 'specific', specific: { versions: ['7'] } },
        maxBatchSize: 500,
        input: [
          { name: 'distance', dataType: 'TYPE_FP32', dims: ['1'] },
          { name: 'carrier', dataType: 'TYPE_STRING', dims: ['1'] },
        ],
        output: [
          { name: 'score', dataType: 'TYPE_FP32', dims: ['1'] },
          { name: 'echo', dataType: 'TYPE_STRING', dims: ['1'] },
        ],
        schedulingChoice: 'dynamicBatching',
        dynamicBatching: {
          maxQueueDelayMicroseconds: '0',
          priorityLevels: '3',
          defaultPriorityLevel: '2',
          defaultQueuePolicy: { timeoutAction: 'REJECT', allowTimeoutOverride: true, maxQueueSize: 77 },
        },
        instanceGroup: [{ kind: 'KIND_CPU', count: host.runsAtOnce }],
        modelTransactionPolicy: { decoupled: false },
      },
    });
    const request = rawRequest('flights', {
      distance: { datatype: 'FP32', shape: [501, 1], raw: Buffer.alloc(4 * 501) },
      carrier: { datatype: 'BYTES', shape: [501, 1], raw: Buffer.alloc(4 * 501) },
    });
    await expect(client.modelInfer(request)).rejects.toThrow(
      "inference request batch-size must be <= 500 for 'flights'",
    );
  });

  it('of a model without a batch axis has whole shapes', async () => {
    const { host, client } = (served = await serve());
    await load(host, 'total', 1, totalModel());
    expect(await client.modelConfig({ name: 'total', version: '1' })).toMatchObject({
      config: {
        maxBatchSize: 0,
        input: [{ dims: ['-1', '1'] }],
        output: [{ dims: ['1', '1'] }],
      },
    });
  });

  it('of a model that is not there is NOT_FOUND', async () => {
    const { client } = (served = await serve());
    await expect(client.modelConfig({ name: 'x' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: "Request for unknown model: 'x' is not found",
    });
  });
});

describe("a model's statistics", () => {
  it('count rows and runs, failures apart, by batch size', async () => {
    const held = new HeldSessions();
    const { host, client } = (served = await serve({ sessions: held.open }));
    await load(host, 'linear', 1, linearModel());
    held.hold();
    const answers = [client.modelInfer(linearRequest([1, 2], [3, 4]))];
    while (!held.holds) await systemClock.breathe();
    // These wait together and run together: 1 + 2 + 3 rows.
    for (const rows of [1, 2, 3]) {
      const column = new Array<number>(rows).fill(1);
      answers.push(client.modelInfer(linearRequest(column, column)));
    }
    while (host.inFlight < 4) await systemClock.breathe();
    held.release();
    await Promise.all(answers);
    const { modelStats } = await client.modelStatistics({ name: 'linear', version: '1' });
    const [stats] = modelStats;
    expect(stats).toMatchObject({ name: 'linear', version: '1', inferenceCount: '8', executionCount: '2' });
    expect(Number(stats?.lastInference)).toBeGreaterThan(1.7e12);
    const { success, fail, queue, computeInput, computeInfer, computeOutput, cacheHit } = stats?.inferenceStats ?? {};
    expect([success, queue, computeInput, computeInfer, computeOutput].map((sum) => sum?.count)).toEqual(
      new Array<string>(5).fill('4'),
    );
    expect([fail, cacheHit]).toEqual(new Array<object>(2).fill({ count: '0', ns: '0' }));
    const parts = [queue, computeInput, computeInfer, computeOutput].reduce((sum, part) => sum + Number(part?.ns), 0);
    expect(Number(computeInfer?.ns)).toBeGreaterThan(0);
    expect(Number(success?.ns)).toBeGreaterThanOrEqual(parts);
    expect(stats?.batchStats.map(({ batchSize, computeInfer: { count } }) => [batchSize, count])).toEqual([
      ['2', '1'],
      ['6', '1'],
    ]);
  });

  it('of a failed run count a failure and no rows', async () => {
    const { host, client } = (served = await serve());
    await load(host, 'fragile', 1, fragileModel());
    const at = Buffer.from(new BigInt64Array([9n]).buffer);
    await expect(
      client.modelInfer(rawRequest('fragile', { at: { datatype: 'INT64', shape: [1], raw: at } })),
    ).rejects.toThrow('inference failed');
    const { modelStats } = await client.modelStatistics({ name: 'fragile' });
    expect(modelStats).toMatchObject([
      { inferenceCount: '0', executionCount: '0', inferenceStats: { success: { count: '0' }, fail: { count: '1' } } },
    ]);
  });

  it('are of all models and versions where none is named; rows of the stream are not among them', async () => {
    const { host, client } = (served = await serve());
    await load(host, 'linear', 2, linearModel());
    await load(host, 'linear', 10, linearModel(1));
    await load(host, 'a', 1, totalModel());
    await host.run('linear', null, { a: [1], b: [1] });
    await client.modelInfer(rawRequest('a', { x: { datatype: 'FP32', shape: [3, 1], raw: fp32(1, 2, 3) } }));
    const { modelStats } = await client.modelStatistics({});
    expect(modelStats.map(({ name, version, inferenceCount }) => [name, version, inferenceCount])).toEqual([
      ['a', '1', '1'],
      ['linear', '2', '0'],
      ['linear', '10', '0'],
    ]);
    expect((await client.modelStatistics({ name: 'linear' })).modelStats).toHaveLength(2);
  });

  it('of what is not there are refused', async () => {
    const { host, client } = (served = await serve());
    await load(host, 'linear', 1, linearModel());
    await expect(client.modelStatistics({ name: 'x' })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: "requested model 'x' is not available",
    });
    await expect(client.modelStatistics({ name: 'linear', version: '9' })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: "requested model version is not available for model 'linear'",
    });
  });
});

describe('classification', () => {
  it('answers the greatest values of each row, with their places', async () => {
    const { host, client } = (served = await serve());
    await load(host, 'pair', 1, identityModel('FP32'));
    await load(host, 'whole', 1, identityModel('INT64'));
    const ask = (name: string, datatype: string, raw: Buffer, classes: number) =>
      client.modelInfer({
        ...rawRequest(name, { x: { datatype, shape: [2, 2], raw } }),
        outputs: [{ name: 'y', parameters: { classification: { int64Param: classes } } }],
      });
    const best = await ask('pair', 'FP32', fp32(0.25, 0.75, 3, -1), 1);
    expect(best.outputs).toMatchObject([{ name: 'y', datatype: 'BYTES', shape: ['2', '1'] }]);
    expect(Buffer.from(best.rawOutputContents[0] ?? [])).toEqual(byteStrings('0.750000:1', '3.000000:0'));
    const both = await ask('whole', 'INT64', Buffer.from(new BigInt64Array([1n, 2n, 2n ** 60n, 0n]).buffer), 9);
    expect(both.outputs).toMatchObject([{ datatype: 'BYTES', shape: ['2', '2'] }]);
    expect(Buffer.from(both.rawOutputContents[0] ?? [])).toEqual(
      byteStrings('2:1', '1:0', '1152921504606846976:0', '0:1'),
    );
  });
});

describe('the repository', () => {
  it('lists what requests may name, with its state', async () => {
    const { host, client } = (served = await serve());
    await load(host, 'linear', 2, linearModel());
    await load(host, 'linear', 1, linearModel(1));
    host.setOffered('linear', 1, false);
    await expect(host.load('broken', 1, Buffer.from('no model'), null, { digest: 'x' })).rejects.toThrow('not x');
    const ready = { name: 'linear', version: '2', state: 'READY', reason: '' };
    const broken = { name: 'broken', version: '1', state: 'UNAVAILABLE', reason: expect.stringContaining('not x') };
    expect(await client.repositoryIndex({})).toEqual({ models: [broken, ready] });
    expect(await client.repositoryIndex({ ready: true })).toEqual({ models: [ready] });
    await expect(client.repositoryIndex({ repositoryName: 'r' })).rejects.toMatchObject({ code: 'UNIMPLEMENTED' });
  });

  it('lets no client load or unload', async () => {
    const { client } = (served = await serve());
    for (const control of [client.repositoryModelLoad, client.repositoryModelUnload]) {
      await expect(control({ modelName: 'linear' })).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        message: 'explicit model load / unload is not allowed if polling is enabled',
        remedy: expect.stringContaining('relearn models register'),
      });
      // KServe's clients put the name into the first field.
      await expect(control({ repositoryName: 'linear', modelName: '' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      await expect(control({ repositoryName: 'r', modelName: 'linear' })).rejects.toMatchObject({
        code: 'UNIMPLEMENTED',
      });
    }
  });
});

describe('what is not offered', () => {
  it('is refused with its reason', async () => {
    const { client } = (served = await serve());
    expect(await client.systemSharedMemoryStatus({})).toEqual({ regions: {} });
    expect(await client.cudaSharedMemoryStatus({})).toEqual({ regions: {} });
    await expect(client.systemSharedMemoryStatus({ name: 'r' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(client.systemSharedMemoryRegister({ name: 'r' })).rejects.toMatchObject({ code: 'UNIMPLEMENTED' });
    await expect(client.traceSetting({ settings: { trace_level: { value: ['OFF'] } } })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'the server does not support changes of its trace settings',
    });
    await expect(client.traceSetting({ modelName: 'none' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(client.logSettings({ settings: { log_info: { boolParam: false } } })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'the server does not support dynamic logging',
    });
  });

  it('is told where it is only asked for, and given up where there is none', async () => {
    const { client } = (served = await serve());
    expect(await client.cudaSharedMemoryUnregister({})).toEqual({});
    expect(await client.traceSetting({})).toMatchObject({
      settings: { trace_level: { value: ['OFF'] }, trace_rate: { value: ['1000'] } },
    });
    expect(await client.logSettings({})).toMatchObject({
      settings: {
        log_info: { boolParam: true },
        log_verbose_level: { uint32Param: 0 },
        log_format: { stringParam: 'default' },
      },
    });
  });
});
