import { createMemoryBlobs } from '@relearn/blobs/memory';
import { createMemoryBus } from '@relearn/bus/memory';
import { featuresComputed, predictionLogged } from '@relearn/contracts';
import { systemKernel } from '@relearn/kernel';
import type { InForce, ModelRef, Shard } from '@relearn/runtime';
import { silentTelemetry } from '@relearn/telemetry';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Deployments } from '../src/handlers/deployments.js';
import { scoreStream } from '../src/handlers/score-stream.js';
import { saveScoring } from '../src/handlers/scoring-shard.js';
import { ModelHost } from '../src/inference/model-host.js';
import { linearModel } from './models.js';

const blobs = createMemoryBlobs();
const telemetry = silentTelemetry();
let host: ModelHost;
let deployments: Deployments;

beforeEach(async () => {
  host = new ModelHost({ kernel: systemKernel });
  deployments = new Deployments({ blobs, telemetry }, host);
  await host.start();
});
afterEach(() => host.stop());

const put = (value: unknown) => blobs.put(Buffer.from(JSON.stringify(value)));

/** Its score is 2 a + 3 b + its number. */
async function bundleOf(model: number): Promise<ModelRef> {
  const tensor = (name: string) => ({ name, datatype: 'FP32', shape: [-1, 1] });
  const signature = await put({ inputs: [tensor('a'), tensor('b')], outputs: [tensor('score')] });
  const onnx = await blobs.put(linearModel(model).onnx);
  return { model, bundle: await put({ files: { 'model.onnx': onnx, 'signature.json': signature } }) };
}

/** The model is champion from then on, and the first one goes on beside it. */
async function moveTo(model: number): Promise<InForce> {
  return { champion: await bundleOf(model), frozen: await bundleOf(1), position: model, event: `move ${model}` };
}

async function shardOf(partition: number): Promise<Shard> {
  const bus = createMemoryBus(systemKernel);
  await bus.ensureTopics([{ name: 'features', partitions: 2, retentionMs: null }]);
  return { partition, ports: { bus, telemetry }, blob: () => '' } as unknown as Shard;
}

const features = {
  ...{ id: 'f', source: 'feature/orders/0/features', sequence: 1, previous: null, type: featuresComputed.type },
  ...{ time: '2024-01-01T00:00:00.000Z', pipeline: 'orders', pipelineversion: 1, topic: 'features' as const },
  ...{ partition: 0, position: 0 },
  data: { ids: ['r1'], times: [0], at: [0], columns: { a: [1], b: [1] }, watermark: 0 },
};

const scoring = (inForce: InForce) =>
  saveScoring({ models: new Map([['orders', { inForce, from: 0 }]]), scored: new Map() });

const loaded = () =>
  host
    .list()
    .map(({ version }) => version)
    .sort((one, other) => one - other);

test('a row of the time before several promotions is scored by the model of that time, which requests do not get', async () => {
  const stream = scoreStream(host, deployments);
  const shard = await shardOf(0);
  for (const model of [2, 3, 4]) await deployments.ensure('orders', await moveTo(model));
  const state = await stream.open(shard, scoring(await moveTo(2)));
  // One more, while the shard has not come so far.
  await deployments.ensure('orders', await moveTo(5));
  const [emitted] = await stream.apply(state, features, 0, shard);
  if (emitted === undefined) throw new Error('nothing was emitted');
  expect(emitted.type).toBe(predictionLogged);
  const { arms } = emitted.data as { arms: { arm: string; model: number; outputs: { score: number[] } }[] };
  expect(arms.map(({ arm, model, outputs }) => [arm, model, outputs.score])).toEqual([
    ['champion', 2, [7]],
    ['frozen', 1, [6]],
  ]);
  expect(host.defaultOf('orders')).toBe(5);
  expect(host.versionsOf('orders')).toEqual(['4', '5']);
});

test('a model is let go of when no shard is scored by it any more', async () => {
  const stream = scoreStream(host, deployments);
  const shards = [await shardOf(0), await shardOf(1)];
  for (const shard of shards) await stream.open(shard, scoring(await moveTo(2)));
  for (const model of [3, 4]) await deployments.ensure('orders', await moveTo(model));
  expect(loaded()).toEqual([1, 2, 3, 4]);
  await deployments.hold('orders', 0, await moveTo(4));
  expect(loaded()).toEqual([1, 2, 3, 4]);
  await deployments.release(1);
  expect(loaded()).toEqual([1, 3, 4]);
});
