import { silentTelemetry, type SpanOptions, type ActiveSpan } from '@relearn/telemetry';
import { systemKernel } from '@relearn/kernel';
import { expect, test } from 'vitest';
import { DataPlane } from '../src/inference/oip/data-plane.js';
import { ModelHost } from '../src/inference/model-host.js';
import type { PredictionRecord } from '../src/inference/prediction-record.js';
import { linearModel } from './models.js';
import { fp32, load } from './serve.js';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const kept = `00-${traceId}-b7ad6b7169203331-01`;
const scope = { deadline: Number.POSITIVE_INFINITY, cancelled: false };

interface Made {
  readonly name: string;
  readonly options: SpanOptions;
  readonly told: Record<string, unknown>;
}

/** A plane over one model, with spans and records as they come; chance gives this number each time. */
async function planeThatTraces(next: number) {
  const spans: Made[] = [];
  const records: PredictionRecord[] = [];
  const kernel = { ...systemKernel, chance: { ...systemKernel.chance, next: () => next } };
  const host = new ModelHost({ kernel, log: (some) => void records.push(...some) });
  await host.start();
  await load(host, 'linear', 1, linearModel());
  const span = <T>(name: string, options: SpanOptions, work: (active: ActiveSpan) => Promise<T>) => {
    const told = {};
    spans.push({ name, options, told });
    return work({ traceparent: kept, traceId, setAttributes: (attributes) => void Object.assign(told, attributes) });
  };
  const plane = new DataPlane(host, kernel, 'test', { traces: true, span });
  const raw = (name: string) => ({
    name,
    datatype: 'FP32',
    shape: [1, 1],
    data: { kind: 'raw' as const, bytes: fp32(1) },
  });
  const ask = (metadata: Readonly<Record<string, string>>) =>
    plane.infer(
      {
        modelName: 'linear',
        modelVersion: '',
        id: 'r',
        parameters: {},
        inputs: [raw('a'), raw('b')],
        outputs: [],
        bothKinds: undefined,
        surplusRaw: false,
      },
      { ...scope, metadata },
    );
  return { ask, spans, records, stop: () => host.stop() };
}

test('a request whose caller keeps its trace is a span in it, and its figures name the trace', async () => {
  const { ask, spans, records, stop } = await planeThatTraces(0.5);
  await ask({ traceparent: kept });
  expect(spans).toMatchObject([
    {
      name: 'inference',
      options: { kind: 'server', parent: kept, attributes: { 'relearn.pipeline': 'linear' } },
      told: { 'relearn.model.version': '1', 'relearn.arm': 'champion', 'relearn.rows': 1, 'relearn.batch.rows': 1 },
    },
  ]);
  expect(records.map((record) => record.traceId)).toEqual([traceId]);
  await stop();
});

test('a request whose caller keeps no trace is no span; of those without a trace a share begins one', async () => {
  const most = await planeThatTraces(0.5);
  await most.ask({ traceparent: kept.replace(/01$/, '00') });
  await most.ask({});
  expect(most.spans).toEqual([]);
  expect(most.records.map((record) => record.traceId)).toEqual([undefined, undefined]);
  await most.stop();

  const few = await planeThatTraces(0.001);
  await few.ask({});
  expect(few.spans).toMatchObject([{ name: 'inference', options: { parent: undefined } }]);
  await few.stop();
});

test('figures of requests show the trace to those who read OpenMetrics', async () => {
  const { metrics } = silentTelemetry();
  const labels = { pipeline: 'linear', model: '1', arm: 'champion' };
  metrics.inferenceCompute.observe(labels, 0.0003, traceId);
  metrics.inferenceCompute.observe(labels, 0.03);
  const { body } = await metrics.render('application/openmetrics-text;version=1.0.0');
  const bucket = body.split('\n').find((line) => /^relearn_inference_compute_seconds_bucket\{.*le="0.0005"/.test(line));
  expect(bucket).toMatch(new RegExp(`\\} 1 # \\{trace_id="${traceId}"\\} 0\\.0003 `));
});
