import { describe, expect, test } from 'vitest';
import {
  createMetrics,
  labelValueBound,
  type MetricSpec,
  metricNames,
  passingBound,
  silentTelemetry,
} from '@relearn/telemetry';

const specs: MetricSpec[] = Object.values(metricNames);

describe('metric names', () => {
  test('follow the conventions of Prometheus: one prefix a family, counters end in _total, histograms in a unit', () => {
    for (const spec of specs.filter(({ name }) => !name.startsWith('nv_'))) {
      expect(spec.name).toMatch(/^(relearn|messaging|rpc)_[a-z_]+$/);
      expect(spec.name.endsWith('_total')).toBe(spec.kind === 'counter');
      if (spec.kind === 'histogram') expect(spec.name).toMatch(/_(seconds|rows|bytes)$/);
      expect(spec.help).toMatch(/^[A-Z1].*\.$/);
    }
    expect(new Set(specs.map((spec) => spec.name)).size).toBe(specs.length);
  });

  test('are those of Triton where they begin as its do', () => {
    const phases = ['request', 'queue', 'compute_input', 'compute_infer', 'compute_output'];
    expect(specs.filter(({ name }) => name.startsWith('nv_')).map(({ name }) => name)).toEqual([
      'nv_inference_request_success',
      'nv_inference_request_failure',
      'nv_inference_count',
      'nv_inference_exec_count',
      ...phases.map((phase) => `nv_inference_${phase}_duration_us`),
      'nv_inference_pending_request_count',
    ]);
  });

  test('have buckets, in rising order, exactly where they are histograms', () => {
    for (const spec of specs) {
      expect(spec.buckets !== undefined).toBe(spec.kind === 'histogram');
      const buckets = [...(spec.buckets ?? [])];
      expect(buckets).toEqual([...new Set(buckets)].sort((a, b) => a - b));
    }
  });
});

describe('metrics', () => {
  test('given observations, when rendered, then each shows under its name and labels', async () => {
    const { metrics } = silentTelemetry();
    metrics.records.add({ service: 'validation', pipeline: 'flights', result: 'validated' }, 3);
    metrics.records.add({ service: 'validation', pipeline: 'flights', result: 'validated' });
    metrics.drift.set({ pipeline: 'flights', feature: 'distance', method: 'psi:evidently' }, 0.25);
    metrics.checkpoint.observe({ service: 'feature' }, 0.02);

    const { contentType, body } = await metrics.render();

    expect(contentType).toContain('text/plain');
    expect(body).toContain('relearn_records_total{service="validation",pipeline="flights",result="validated"} 4');
    expect(body).toContain(
      'relearn_drift_statistic{pipeline="flights",feature="distance",method="psi:evidently"} 0.25',
    );
    expect(body).toContain('relearn_checkpoint_seconds_bucket{le="0.01",service="feature"} 0');
    expect(body).toContain('relearn_checkpoint_seconds_bucket{le="0.025",service="feature"} 1');
  });

  test('are OpenMetrics where that is asked for: values as in the other text, an end, and Triton under its own names', async () => {
    const { metrics } = silentTelemetry();
    metrics.records.add({ service: 'validation', pipeline: 'flights', result: 'validated' }, 3);
    metrics.tritonSuccess.add({ model: 'm', version: '1' }, 2);
    metrics.inferenceQueue.observe({ pipeline: 'm', model: '1', arm: 'champion' }, 0.02);
    const plain = await metrics.render();
    const { contentType, body } = await metrics.render('application/openmetrics-text;version=1.0.0,text/plain;q=0.5');

    expect(contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(body.endsWith('\n# EOF\n')).toBe(true);
    expect(body).not.toMatch(/^$(?!\s*$)/m);
    expect(body).toContain('# TYPE relearn_records counter\nrelearn_records_total{');
    expect(body).toContain('# TYPE nv_inference_request_success unknown\nnv_inference_request_success{model="m"');
    const samples = (text: string) =>
      text
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .sort();
    expect(samples(body)).toEqual(samples(plain.body));
    expect(await metrics.render()).toEqual(plain);
  });

  test('given something that counts by itself, when rendered, then it is asked before', async () => {
    const { metrics } = silentTelemetry();
    let counted = 0;
    metrics.beforeRender(() => metrics.tritonPending.set({ model: 'm', version: '1' }, ++counted));

    await metrics.render();
    const { body } = await metrics.render();

    expect(body).toContain('nv_inference_pending_request_count{model="m",version="1"} 2');
  });

  test('given a model that stops serving, when its series is cleared, then only the new one is left', async () => {
    const { metrics } = silentTelemetry();
    metrics.modelInfo.set({ pipeline: 'flights', model: '1' }, 1);
    metrics.modelInfo.set({ pipeline: 'flights', model: '2' }, 1);

    metrics.modelInfo.clear({ pipeline: 'flights', model: '1' });

    const { body } = await metrics.render();
    expect(body).not.toContain('relearn_model_info{pipeline="flights",model="1"}');
    expect(body).toContain('relearn_model_info{pipeline="flights",model="2"} 1');
  });

  test('given more label values than the bound, when counted, then the surplus is under other and told', async () => {
    const { metrics } = silentTelemetry();
    const surplus = 7;

    for (let i = 0; i < labelValueBound + surplus; i++) metrics.violations.add({ invariant: `rule-${i}` });

    const { body } = await metrics.render();
    expect(body.match(/^relearn_invariant_violations_total\{/gm)).toHaveLength(labelValueBound + 1);
    expect(body).toContain(`relearn_invariant_violations_total{invariant="other"} ${surplus}`);
    expect(body).toContain(
      `relearn_metric_labels_folded_total{metric="relearn_invariant_violations_total"} ${surplus}`,
    );
  });

  test('given versions that come and go, when rendered, then those heard of last are told, by every kind of metric', async () => {
    const { metrics } = silentTelemetry();
    const [lasting, newest] = ['1', String(2 * passingBound)];
    for (let version = 1; version <= 2 * passingBound; version++) {
      for (const model of [lasting, String(version)]) {
        metrics.predictions.add({ pipeline: 'flights', model, arm: 'champion', kind: 'request' });
        metrics.inferenceQueue.observe({ pipeline: 'flights', model, arm: 'champion' }, 0.01);
        metrics.tritonPending.set({ model: 'flights', version: model }, 1);
      }
    }
    metrics.predictions.add({ pipeline: 'others', model: '1', arm: 'champion', kind: 'request' });

    const { body } = await metrics.render();

    const told = (sample: RegExp) => [...body.matchAll(sample)].map(([, version]) => version);
    const counted = told(/^relearn_predictions_total\{pipeline="flights",model="(\d+)"/gm);
    expect(counted).toHaveLength(passingBound);
    expect(new Set(counted)).toEqual(
      new Set(told(/^relearn_inference_queue_seconds_count\{pipeline="flights",model="(\d+)"/gm)),
    );
    expect(new Set(counted)).toEqual(
      new Set(told(/^nv_inference_pending_request_count\{model="flights",version="(\d+)"/gm)),
    );
    expect(counted).toEqual(expect.arrayContaining([lasting, newest]));
    expect(body).toContain(
      `{pipeline="flights",model="${lasting}",arm="champion",kind="request"} ${2 * passingBound + 1}`,
    );
    expect(body).toContain('relearn_predictions_total{pipeline="others",model="1"');
  });

  test('refuse to let a counter fall', () => {
    const { metrics } = silentTelemetry();
    expect(() => metrics.retrains.add({ reason: 'drift' }, -1)).toThrow(/relearn_retrain_total/);
  });

  test('of a process tell its memory and the delay of its event loop', async () => {
    const metrics = createMetrics();
    const { body } = await metrics.render();
    metrics.stop();
    expect(body).toContain('process_resident_memory_bytes');
    expect(body).toContain('relearn_event_loop_delay_seconds{quantile="0.99"}');
    expect(metrics.eventLoopDelayMs().p99).toBeGreaterThanOrEqual(0);
  });
});
