import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../../apps/cli/test/run.js';
import { linearModel } from '../../services/serving/test/models.js';
import { cleanUpAfterEach } from './clean-up.js';
import { get, type InferAnswer, inferenceClient } from './wire.js';
import { startWorld, temporaryFolder } from './world.js';

const cleanUp = cleanUpAfterEach();

test('a process that is to stop says so to all probes, and answers who comes all the same', async () => {
  const folder = await temporaryFolder();
  cleanUp.push(folder.remove);
  await writeFile(join(folder.path, 'plus.onnx'), linearModel(0).onnx);
  const world = await startWorld({ folder: join(folder.path, 'data'), env: { RELEARN_LEAVE_SECONDS: '2' } });
  const { url, grpcAddress } = world.platform;
  const client = inferenceClient(grpcAddress);
  cleanUp.push(async () => client.close());
  const registered = await run(folder.path, ['models', 'register', 'score', 'plus.onnx', '--alias', 'champion'], {
    RELEARN_URL: url,
  });
  expect(registered.code).toBe(0);
  const one = Buffer.from(new Float32Array([1]).buffer);
  const inputs = ['a', 'b'].map((name) => ({ name, datatype: 'FP32', shape: [1, 1] }));
  const ask = () =>
    client.call<InferAnswer>('ModelInfer', { modelName: 'score', inputs, rawInputContents: [one, one] });
  const probes = async () => ({
    serverReady: (await client.call<{ ready: boolean }>('ServerReady', {})).ready,
    modelReady: (await client.call<{ ready: boolean }>('ModelReady', { name: 'score' })).ready,
    readyz: (await get(`${url}/readyz`)).status,
    rest: (await get(`${url}/v2/health/ready`)).status,
  });
  expect(await probes()).toEqual({ serverReady: true, modelReady: true, readyz: 200, rest: 200 });

  const stopped = world.stop();
  expect(await probes()).toEqual({ serverReady: false, modelReady: false, readyz: 503, rest: 400 });
  expect((await ask()).rawOutputContents[0]?.readFloatLE(0)).toBe(5);
  expect((await get(`${url}/healthz`)).status).toBe(200);
  await stopped;
  await expect(ask()).rejects.toThrow();
});
