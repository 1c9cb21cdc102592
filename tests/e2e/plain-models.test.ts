import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DataOf, type predictionLogged } from '@relearn/contracts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../apps/cli/test/run.js';
import { linearModel } from '../../services/serving/test/models.js';
import { eventsOf } from './log.js';
import { ordersPipeline } from './tables.js';
import { get, type GrpcClient, type InferAnswer, inferenceClient, post } from './wire.js';
import { auditAtRest, eventually, startWorld, temporaryFolder, type World } from './world.js';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let world: World;
let client: GrpcClient;

beforeAll(async () => {
  folder = await temporaryFolder();
  for (const offset of [0, 100, 200]) {
    await writeFile(join(folder.path, `plus-${offset}.onnx`), linearModel(offset).onnx);
  }
  await writeFile(join(folder.path, 'broken.onnx'), 'no model');
  await start();
});

afterAll(async () => {
  client.close();
  await world.stop();
  await folder.remove();
});

async function start(): Promise<void> {
  world = await startWorld({ folder: join(folder.path, 'data') });
  client = inferenceClient(world.platform.grpcAddress);
}

function relearn(...argv: string[]) {
  return run(folder.path, argv, { RELEARN_URL: world.platform.url });
}

/** The model's answer to a = 1, b = 1: 5 and its offset; and the version that gave it. */
async function ask(modelName: string, modelVersion = ''): Promise<[number, string]> {
  const one = Buffer.from(new Float32Array([1]).buffer);
  const tensor = (name: string) => ({ name, datatype: 'FP32', shape: [1, 1] });
  const inputs = [tensor('a'), tensor('b')];
  const answer = await client.call<InferAnswer>('ModelInfer', {
    modelName,
    modelVersion,
    inputs,
    rawInputContents: [one, one],
  });
  return [answer.rawOutputContents[0]?.readFloatLE(0) ?? Number.NaN, answer.modelVersion];
}

describe('an ONNX file under a name that no pipeline owns', () => {
  test('is there to be asked when the command ends', async () => {
    const first = await relearn('models', 'register', 'score', 'plus-0.onnx', '--json');
    expect(first).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(first.out)).toMatchObject({ name: 'score', model: 1, champion: 0, ready: true });
    expect(await ask('score', '1')).toEqual([5, '1']);
    await expect(ask('score')).rejects.toThrow(/'score' has no available versions/);

    const second = await relearn('models', 'register', 'score', 'plus-100.onnx', '--alias', 'champion');
    expect(second).toMatchObject({ code: 0, out: 'score: version 2 answers to requests that name no version\n' });
    expect(await ask('score')).toEqual([105, '2']);
    expect(await ask('score', '1')).toEqual([5, '1']);
    const { body } = await get(`${world.platform.url}/v2/models/score`);
    expect(body).toMatchObject({ name: 'score', versions: ['1', '2'] });
  });

  test('is refused with its cause when it is none', async () => {
    expect(await relearn('models', 'register', 'score', 'broken.onnx')).toMatchObject({
      code: 2,
      err: expect.stringContaining('INVALID_INPUT: the file is no model that can be served: ONNX Runtime'),
    });
    expect(await relearn('models', 'register', 'sc/ore', 'plus-0.onnx')).toMatchObject({ code: 2 });
    expect(await relearn('models', 'register', 'score', 'none.onnx')).toMatchObject({ code: 2 });
    expect(await relearn('models', 'register', 'score', 'plus-0.onnx', '--alias', 'best')).toMatchObject({ code: 2 });
  });

  test('swaps without a failed request, and back', async () => {
    let running = true;
    const seen = new Set<string>();
    const failures: unknown[] = [];
    const load = Array.from({ length: 4 }, async () => {
      while (running) {
        try {
          const [value, version] = await ask('score');
          seen.add(`${version} says ${value}`);
        } catch (thrown) {
          failures.push(thrown);
        }
      }
    });
    await relearn('models', 'register', 'score', 'plus-200.onnx', '--alias', 'champion');
    expect(await ask('score')).toEqual([205, '3']);
    expect(await relearn('promote', 'score', '1')).toMatchObject({ code: 0 });
    await eventually('version 1', async () => (await ask('score'))[1] === '1');
    expect(await relearn('rollback', 'score', '2')).toMatchObject({ code: 0 });
    await eventually('version 2', async () => (await ask('score'))[1] === '2');
    running = false;
    await Promise.all(load);
    expect(failures).toEqual([]);
    expect([...seen].every((one) => ['1 says 5', '2 says 105', '3 says 205'].includes(one))).toBe(true);
  });

  test('is shown by the commands, the API and the page', async () => {
    expect((await relearn('status')).out).toContain('model score, registered by hand: version 2 serves; 3 versions');
    const { models } = JSON.parse((await relearn('models', 'score', '--json')).out);
    expect(models.map(({ model, champion }: { model: number; champion: boolean }) => [model, champion])).toEqual([
      [3, false],
      [2, true],
      [1, false],
    ]);
    expect((await get(`${world.platform.url}/api/v1/models/other`)).status).toBe(404);
    const page = await (await fetch(world.platform.url)).text();
    expect(page).toContain('Models without a pipeline');
  });

  test('never shares its name with a pipeline', async () => {
    const { url } = world.platform;
    const file = ordersPipeline({ name: 'score' });
    expect(await post(`${url}/api/v1/pipelines`, { file })).toMatchObject({ status: 409 });
    const orders = ordersPipeline({ name: 'orders' });
    expect(await post(`${url}/api/v1/pipelines`, { file: orders })).toMatchObject({ status: 200 });
    expect(await relearn('models', 'register', 'orders', 'plus-0.onnx', '--alias', 'champion')).toMatchObject({
      code: 2,
      err: expect.stringContaining("'orders' is the name of a pipeline"),
    });
  });

  test('answers again after a restart, its requests are logged, and log and state agree', async () => {
    client.close();
    await world.stop();
    await start();
    await eventually('the champion', async () => (await ask('score').catch(() => undefined)) !== undefined);
    expect(await ask('score')).toEqual([105, '2']);
    expect(await ask('score', '3')).toEqual([205, '3']);
    const logged = await eventually('the last request in the log', async () => {
      const all = (await eventsOf(world.platform.ports.bus, 'predictions')).map(
        ({ data }) => data as DataOf<typeof predictionLogged>,
      );
      return all.some(({ arms }) => arms[0]?.outputs['score']?.[0] === 205 && arms[0].model === 3) && all;
    });
    expect(logged.every(({ ids }) => ids.every((id) => id === null))).toBe(true);
    expect((await auditAtRest(world)).violations).toEqual([]);
    const { body } = await get(`${world.platform.url}/api/v1/state`);
    expect((body as { difference: string | null }).difference).toBeNull();
  });
});
