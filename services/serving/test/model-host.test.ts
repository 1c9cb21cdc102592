import type { Worker } from 'node:worker_threads';
import { systemClock } from '@relearn/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { columnsByName } from '../src/inference/values.js';
import { flightModel, fragileModel, linearModel, slowModel, totalModel } from './models.js';
import { floatsOf, fp32, linearRequest, load, rawRequest, type Served, serve } from './serve.js';

const started: Worker[] = [];
const onWorker = (worker: Worker) => started.push(worker);
let served: Served;
let troubles: string[] = [];

beforeEach(async () => {
  troubles = [];
  started.length = 0;
  process.on('worker', onWorker);
  served = await serve({ onTrouble: (message) => troubles.push(message) });
});

afterEach(async () => {
  process.off('worker', onWorker);
  await served.stop();
});

async function ask(version?: string): Promise<{ version: string; score: number | undefined }> {
  const request = linearRequest([1], [1], version === undefined ? {} : { modelVersion: version });
  const answer = await served.client.modelInfer(request);
  return { version: answer.modelVersion, score: floatsOf(answer.rawOutputContents[0])[0] };
}

describe('loading', () => {
  it('refuses bytes that do not match their digest, and takes them when they do', async () => {
    const { onnx, digest } = linearModel();
    const wrong = '0'.repeat(64);
    await expect(served.host.load('m', 1, onnx, null, { digest: wrong })).rejects.toMatchObject({ code: 'CORRUPT' });
    expect(served.host.list()).toMatchObject([{ name: 'm', version: 1, state: 'UNAVAILABLE' }]);
    await expect(served.client.modelReady({ name: 'm', version: '1' })).resolves.toEqual({ ready: false });
    await served.host.load('m', 1, onnx, null, { digest });
    expect(served.host.list()).toMatchObject([{ state: 'READY', digest }]);
  });

  it('is done once for the same digest, and refused for another', async () => {
    const model = linearModel();
    const loading = () => served.host.load('m', 1, model.onnx, null, model);
    const [one, two] = await Promise.all([loading(), loading()]);
    expect(one).toBe(two);
    expect(await loading()).toBe(one);
    const other = linearModel(5);
    await expect(served.host.load('m', 1, other.onnx, null, other)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  });

  it('refuses bytes that are no model, and a model that breaks on its warm-up rows', async () => {
    const { sha256 } = await import('@relearn/kernel');
    const junk = Buffer.from('not a model');
    await expect(served.host.load('junk', 1, junk, null, { digest: sha256(junk) })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining("model 'junk' version 1"),
    });
    const fragile = fragileModel();
    const warmUp = { at: [1, 9] };
    await expect(served.host.load('fragile', 1, fragile.onnx, null, { ...fragile, warmUp })).rejects.toThrow(
      /inference failed/,
    );
    await served.host.load('fragile', 1, fragile.onnx, null, { ...fragile, warmUp: { at: [1, 2] } });
  });

  it('holds a declared signature against the graph', async () => {
    const { onnx, digest } = flightModel();
    const distance = { name: 'distance', datatype: 'FP32', shape: [-1, 1] } as const;
    const carrier = { name: 'carrier', datatype: 'BYTES', shape: [-1, 1] } as const;
    const outputs = [
      { name: 'score', datatype: 'FP32', shape: [-1, 1] },
      { name: 'echo', datatype: 'BYTES', shape: [-1, 1] },
    ] as const;
    const signature = (inputs: readonly object[]) => ({ inputs, outputs }) as Parameters<Served['host']['load']>[3];
    const loading = (inputs: readonly object[]) => served.host.load('m', 1, onnx, signature(inputs), { digest });
    await expect(loading([distance])).rejects.toThrow(/input 'carrier' of the graph is not in the signature/);
    await expect(loading([distance, carrier, { ...carrier, name: 'z' }])).rejects.toThrow(/the graph has no input 'z'/);
    await expect(loading([{ ...distance, datatype: 'FP64' }, carrier])).rejects.toThrow(/input 'distance' is FP32/);
    await expect(loading([carrier, distance])).resolves.toMatchObject({
      inputs: [{ name: 'distance' }, { name: 'carrier' }],
    });
  });
});

describe('versions', () => {
  it('answers without a version by the one in force, and by any other that is named', async () => {
    const first = linearModel();
    await served.host.load('linear', 1, first.onnx, null, first);
    await expect(ask()).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('no available versions'),
    });
    expect(await ask('1')).toEqual({ version: '1', score: 5 });
    await load(served.host, 'linear', 2, linearModel(100));
    expect(await ask()).toEqual({ version: '2', score: 105 });
    served.host.setDefault('linear', 1);
    expect(await ask()).toEqual({ version: '1', score: 5 });
    expect((await served.client.modelMetadata({ name: 'linear' })).versions).toEqual(['1', '2']);
  });

  it('puts no version in force that is not ready', () => {
    expect(() => served.host.setDefault('linear', 1)).toThrow(/not ready/);
  });

  it('keeps a version that is not offered for stream batches alone', async () => {
    await load(served.host, 'linear', 1, linearModel());
    served.host.setOffered('linear', 1, false);
    await expect(ask('1')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('version 1 is not found'),
    });
    await expect(ask()).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect((await served.host.run('linear', 1, { a: [1], b: [1] }))[0]?.values).toEqual([5]);
  });

  it('unloads after the requests under way', async () => {
    await load(served.host, 'slow', 1, slowModel(30));
    const request = rawRequest('slow', { x: { datatype: 'FP32', shape: [1, 1], raw: fp32(7) } });
    const running = Array.from({ length: 4 }, (_, x) => served.client.modelInfer({ ...request, id: String(x) }));
    while (served.host.inFlight < 4) await systemClock.breathe();
    const unloaded = served.host.unload('slow', 1);
    await expect(served.client.modelInfer({ ...request, modelVersion: '1' })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    for (const answer of await Promise.all(running)) expect(floatsOf(answer.rawOutputContents[0])).toEqual([7]);
    await unloaded;
    await expect(served.client.modelInfer(request)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(served.host.list()).toEqual([]);
  });

  it('stops taking requests before it lets go of anything', async () => {
    await load(served.host, 'slow', 1, slowModel(30));
    const request = rawRequest('slow', { x: { datatype: 'FP32', shape: [1, 1], raw: fp32(7) } });
    const running = served.client.modelInfer(request);
    while (served.host.inFlight < 1) await systemClock.breathe();
    const stopped = served.host.stop();
    expect(await served.client.serverReady({})).toEqual({ ready: false });
    expect(await served.client.modelReady({ name: 'slow' })).toEqual({ ready: false });
    await expect(served.client.modelInfer(request)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: /^Server is stopping, /,
    });
    expect(floatsOf((await running).rawOutputContents[0])).toEqual([7]);
    await stopped;
  });
});

describe('stream batches', () => {
  it('scores up to 1,000 rows in order, null as NaN or the empty text', async () => {
    await load(served.host, 'flights', 1, flightModel());
    const rows = 1_000;
    const distance = Array.from({ length: rows }, (_, row) => (row % 10 === 0 ? null : row));
    const carrier = Array.from({ length: rows }, (_, row) => (row % 3 === 0 ? 'BB' : row % 3 === 1 ? null : 'ZZ'));
    const columns = columnsByName(await served.host.run('flights', null, { distance, carrier, other: [] }));
    expect(columns['score']).toEqual(
      distance.map((value, row) => (value === null ? null : value + (row % 3 === 0 ? 20 : -1))),
    );
    expect(columns['echo']).toEqual(carrier.map((value) => value ?? ''));
  });

  it('gives a row the same bits whatever comes with it', async () => {
    await load(served.host, 'linear', 1, linearModel());
    const a = Array.from({ length: 700 }, (_, row) => Math.sin(row) * 1e3);
    const [together] = await served.host.run('linear', 1, { a, b: a });
    for (const row of [0, 127, 128, 500, 699]) {
      const cells = [a[row] ?? 0];
      expect((await served.host.run('linear', 1, { a: cells, b: cells }))[0]?.values[0]).toBe(together?.values[row]);
    }
  });

  it('names the column and row that it cannot take', async () => {
    await load(served.host, 'linear', 1, linearModel());
    await expect(served.host.run('linear', 1, { a: [1] })).rejects.toThrow("column 'b' is missing");
    await expect(served.host.run('linear', 1, { a: [1, 2], b: [1] })).rejects.toThrow("column 'b' has 1 rows, not 2");
    await expect(served.host.run('linear', 1, { a: [1, 'x'], b: [1, 2] })).rejects.toThrow(
      'column \'a\', row 1: "x" is no FP32',
    );
    await expect(served.host.run('linear', 1, { a: [], b: [] })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    const many = new Array<number>(1_001).fill(1);
    await expect(served.host.run('linear', 1, { a: many, b: many })).rejects.toMatchObject({ code: 'TOO_LARGE' });
    await load(served.host, 'total', 1, totalModel());
    await expect(served.host.run('total', 1, { x: [1, 2] })).rejects.toThrow(/one row at a time/);
    await expect(served.host.run('nobody', 1, {})).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('an inference thread that dies', () => {
  it('is replaced with its models, and what it was running is run again', async () => {
    await load(served.host, 'slow', 1, slowModel(30));
    await load(served.host, 'linear', 1, linearModel());
    const request = rawRequest('slow', { x: { datatype: 'FP32', shape: [1, 1], raw: fp32(7) } });
    const running = Array.from({ length: 3 }, () => served.client.modelInfer(request));
    const before = [...started];
    for (const worker of before) worker.postMessage({ kind: 'no message of ours' });
    for (const answer of await Promise.all(running)) expect(floatsOf(answer.rawOutputContents[0])).toEqual([7]);
    while (started.length < 2 * before.length) await systemClock.sleep(10);
    expect(await ask()).toEqual({ version: '1', score: 5 });
    expect(troubles).toHaveLength(before.length);
  });
});
