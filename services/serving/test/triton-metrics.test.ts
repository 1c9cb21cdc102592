import { silentTelemetry } from '@relearn/telemetry';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tellTritonMetrics } from '../src/inference/triton-metrics.js';
import { fragileModel, linearModel } from './models.js';
import { linearRequest, load, rawRequest, type Served, serve } from './serve.js';

const { metrics } = silentTelemetry();
let served: Served;

beforeAll(async () => {
  served = await serve();
  tellTritonMetrics(served.host, metrics);
  await load(served.host, 'linear', 1, linearModel());
  await load(served.host, 'fragile', 1, fragileModel());
});
afterAll(() => served.stop());

/** The values of the model's series by what stands before and after its labels. */
async function told(model: string): Promise<Record<string, number>> {
  const { body } = await metrics.render();
  const series = new RegExp(
    `^nv_inference_(\\w+)\\{model="${model}",version="(\\d+)"(?:,reason="(\\w+)")?\\} (.+)$`,
    'gm',
  );
  return Object.fromEntries(
    [...body.matchAll(series)].map(([, name = '', version, reason, value]) => [
      `${name} ${version}${reason === undefined ? '' : ` ${reason}`}`,
      Number(value),
    ]),
  );
}

test('rows, runs, requests and times are counted by version, once however often they are read', async () => {
  await served.client.modelInfer(linearRequest([1, 2, 3], [1, 2, 3]));
  await served.client.modelInfer(linearRequest([1], [1]));
  const once = await told('linear');
  expect(once).toMatchObject({
    'request_success 1': 2,
    'count 1': 4,
    'exec_count 1': 2,
    'request_failure 1 BACKEND': 0,
    'pending_request_count 1': 0,
  });
  const parts = ['queue', 'compute_input', 'compute_infer', 'compute_output'];
  const times = parts.map((part) => once[`${part}_duration_us 1`] ?? Number.NaN);
  expect(Math.min(...times)).toBeGreaterThanOrEqual(0);
  expect(once['request_duration_us 1']).toBeGreaterThan(0);
  expect(await told('linear')).toEqual(once);

  // The same version loaded anew goes on from what it was.
  await served.host.unload('linear', 1);
  await load(served.host, 'linear', 1, linearModel());
  await served.client.modelInfer(linearRequest([1], [1]));
  expect(await told('linear')).toMatchObject({ 'request_success 1': 3, 'count 1': 5 });
});

test('what a version has done since it was told last is told once it is gone, and that nothing of it waits is not', async () => {
  await load(served.host, 'leaving', 1, linearModel());
  const ask = () => served.client.modelInfer({ ...linearRequest([1], [1]), modelName: 'leaving' });
  await ask();
  expect(await told('leaving')).toMatchObject({ 'request_success 1': 1, 'pending_request_count 1': 0 });
  await ask();
  await served.host.unload('leaving', 1);
  const last = await told('leaving');
  expect(last).toMatchObject({ 'request_success 1': 2, 'count 1': 2 });
  expect(last).not.toHaveProperty('pending_request_count 1');
  expect(await told('leaving')).toEqual(last);
});

test('a request that the model fails is a failure of its backend, one that is refused at the door is none', async () => {
  const ask = (shape: number[]) => {
    const raw = Buffer.from(BigInt64Array.from(shape.map(() => 9n)).buffer);
    return served.client.modelInfer(rawRequest('fragile', { at: { datatype: 'INT64', shape, raw } }));
  };
  await expect(ask([1])).rejects.toMatchObject({ code: 'INTERNAL' });
  await expect(ask([1, 1])).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  expect(await told('fragile')).toMatchObject({ 'request_success 1': 0, 'request_failure 1 BACKEND': 1 });
});
