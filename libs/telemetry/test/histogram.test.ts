import { createMetrics, metricNames } from '@relearn/telemetry';
import fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';

const { name, help, labels, buckets } = metricNames.inferenceQueue;

interface Observation {
  readonly model: string;
  readonly arm: string;
  readonly seconds: number;
  readonly traced: boolean;
}

const observation: fc.Arbitrary<Observation> = fc.record({
  model: fc.constantFrom('1', 'a "quoted"\nname \\'),
  arm: fc.constantFrom('champion', 'challenger'),
  // At the bounds, between them and beyond.
  seconds: fc.oneof(fc.constantFrom(...buckets), fc.double({ min: 0, max: 10, noNaN: true })),
  traced: fc.boolean(),
});

describe('histograms', () => {
  test('tell what those of prom-client tell, exemplars and all', async () => {
    const tells = async (observations: readonly Observation[]) => {
      const metrics = createMetrics({ process: false });
      const registry = new Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>();
      registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
      const labelNames: string[] = [...labels];
      const options = { name, help, buckets: [...buckets], labelNames, registers: [registry] };
      const peer = new Histogram({ ...options, enableExemplars: true });
      for (const [at, { model, arm, seconds, traced }] of observations.entries()) {
        const series = { pipeline: 'p', model, arm };
        metrics.inferenceQueue.observe(series, seconds, traced ? `trace-${at}` : undefined);
        const exemplar = traced ? { exemplarLabels: { trace_id: `trace-${at}` } } : {};
        peer.observe({ labels: series, value: seconds, ...exemplar });
      }
      const { body } = await metrics.render('application/openmetrics-text');
      expect(linesOf(body)).toEqual(linesOf(await registry.metrics()));
    };

    await fc.assert(fc.asyncProperty(fc.array(observation), tells));
  });

  test('refuse what is no number', () => {
    const metrics = createMetrics({ process: false });
    expect(() => metrics.checkpoint.observe({ service: 's' }, Number.NaN)).toThrow(/relearn_checkpoint_seconds/);
  });
});

/** The metric's lines, without the times of exemplars. */
function linesOf(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.includes(name))
    .map((line) => line.replace(/( # \{.*\} \S+) \S+$/, '$1'));
}
