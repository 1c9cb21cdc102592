import fc from 'fast-check';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { exposition } from '../src/exposition.js';
import { toldBy } from '../src/figures.js';

const text = fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', ',', '{', 'é') });
const value = fc.oneof(
  fc.double({ noNaN: true }),
  fc.constantFrom(0, -0, 1e21, 1e-7, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
);
const metrics = fc.record({
  help: text.map((words) => `h${words}`),
  gauges: fc.array(fc.tuple(text, text, value)),
  alone: value,
  counted: fc.array(fc.tuple(text, fc.nat())),
  observed: fc.array(fc.tuple(text, fc.double({ noNaN: true, min: -1, max: 9 }))),
});

type Given = typeof metrics extends fc.Arbitrary<infer Generated> ? Generated : never;

function registryOf({ help, gauges, alone, counted, observed }: Given): Registry {
  const registry = new Registry();
  const registers = [registry];
  const gauge = new Gauge({ name: 'some_gauge', help, labelNames: ['one', 'other'], registers });
  for (const [one, other, set] of gauges) gauge.set({ one, other }, set);
  new Gauge({ name: 'alone', help, registers }).set(alone);
  const counter = new Counter({ name: 'some_total', help, labelNames: ['one'], registers });
  for (const [one, by] of counted) counter.inc({ one }, by);
  const histogram = new Histogram({ name: 'some_seconds', help, buckets: [0, 0.5, 3], labelNames: ['one'], registers });
  for (const [one, seconds] of observed) histogram.observe({ one }, seconds);
  new Counter({ name: 'nothing_yet_total', help, labelNames: ['one'], registers });
  return registry;
}

const linesOf = (body: string) => body.split('\n').filter((line) => line !== '');

test('whatever metrics tell, the text is that of prom-client', async () => {
  await fc.assert(
    fc.asyncProperty(metrics, async (given) => {
      const registry = registryOf(given);
      const { body, contentType } = exposition(await toldBy(registry), '');
      expect(contentType).toBe(registry.contentType);
      expect(linesOf(body)).toEqual(linesOf(await registry.metrics()));
    }),
  );
});
