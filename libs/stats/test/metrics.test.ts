import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bootstrapDifference,
  discordant,
  driftMethod,
  mcnemarExact,
  metricOf,
  metrics,
  pairedBootstrap,
} from '../src/index.js';
import { build } from './golden/recipes.js';

const rows = fc.array(
  fc.record({
    y: fc.constantFrom(0, 1),
    score: fc.constantFrom(0.1, 0.2, 0.5, 0.7, 0.9),
    weight: fc.constantFrom(0, 1, 2),
  }),
);

describe('metrics', () => {
  it('roc_auc is the share of won pairs, ties half, whatever the weights', () => {
    fc.assert(
      fc.property(rows, (sample) => {
        let [won, pairs] = [0, 0];
        for (const a of sample.filter(({ y }) => y === 1)) {
          for (const b of sample.filter(({ y }) => y === 0)) {
            const both = a.weight * b.weight;
            pairs += both;
            won += both * (a.score > b.score ? 1 : a.score === b.score ? 0.5 : 0);
          }
        }
        const input = {
          truth: sample.map((r) => r.y),
          prediction: sample.map((r) => r.score),
          weights: sample.map((r) => r.weight),
        };
        const found = metricOf('roc_auc').compute(input);
        if (pairs === 0) expect(found).toBeNull();
        else expect(found).toBeCloseTo(won / pairs, 12);
      }),
    );
  });

  it('a weight is a repetition', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(metrics)), rows, (name, sample) => {
        const repeated = sample.flatMap((r) => Array<(typeof sample)[number]>(r.weight).fill(r));
        const used = sample.filter((r) => r.weight > 0);
        const weighted = metricOf(name).compute({
          truth: used.map((r) => r.y),
          prediction: used.map((r) => r.score),
          weights: used.map((r) => r.weight),
        });
        // r2 counts rows, not weight, when it asks for two of them.
        fc.pre(name !== 'r2' || used.length !== 1);
        const plain = metricOf(name).compute({
          truth: repeated.map((r) => r.y),
          prediction: repeated.map((r) => r.score),
        });
        if (plain === null) expect(weighted).toBeNull();
        else expect(Math.abs((weighted ?? Number.NaN) - plain)).toBeLessThan(1e-9 * Math.max(1, plain));
      }),
    );
  });

  it.each(Object.keys(metrics))('%s is null, never NaN, for no rows and for values that are none', (name) => {
    expect(metricOf(name).compute({ truth: [], prediction: [] })).toBeNull();
    expect(metricOf(name).compute({ truth: [0, 1], prediction: [Number.NaN, 0.5] })).toBeNull();
  });

  it('knows several classes', () => {
    const input = { truth: [0, 1, 2], prediction: [0.7, 0.2, 0.1, 0.3, 0.4, 0.3, 0.5, 0.3, 0.2], classes: 3 };
    expect(metricOf('accuracy').compute(input)).toBeCloseTo(2 / 3, 12);
    expect(metricOf('log_loss').compute(input)).toBeCloseTo(-(Math.log(0.7) + Math.log(0.4) + Math.log(0.2)) / 3, 12);
  });

  it('refuses unknown names and columns of other lengths', () => {
    expect(() => metricOf('auc')).toThrow(/roc_auc/);
    expect(() => driftMethod('constructor')).toThrow(/psi:evidently/);
    expect(() => metricOf('mae').compute({ truth: [1], prediction: [1, 2] })).toThrow(/1 true values/);
  });
});

describe('paired comparison', () => {
  const n = 3000;
  const champion = build({ generator: 'sum', seed: 7, n, k: 2, loc: 0.5, scale: 0.4 }).map(Number);
  const noise = build({ generator: 'sum', seed: 8, n, k: 2, loc: 0, scale: 0.6 }).map(Number);
  const truth = build({
    generator: 'flip',
    seed: 9,
    p: { generator: 'sum', seed: 7, n, k: 2, loc: 0.5, scale: 0.4 },
  }).map(Number);
  const worse = champion.map((p, i) => Math.min(1, Math.max(0, p + (noise[i] ?? 0))));
  const better = champion.map((p) => Math.min(1, Math.max(0, p)));
  const options = { rounds: 200, seed: 1, confidence: 0.95 };

  it.each(['roc_auc', 'log_loss', 'brier', 'accuracy'])(
    'of %s is positive for the better model and mirrored',
    (name) => {
      const won = pairedBootstrap(metricOf(name), { truth, candidate: better, champion: worse }, options);
      const lost = pairedBootstrap(metricOf(name), { truth, candidate: worse, champion: better }, options);
      expect(won.difference).toBeGreaterThan(0);
      expect(lost.difference).toBeCloseTo(-(won.difference ?? 0), 12);
      expect(won.low).toBeLessThanOrEqual(won.difference ?? 0);
      expect(won.high).toBeGreaterThanOrEqual(won.difference ?? 0);
      expect(won.pValue).toBeLessThan(0.05);
      expect(lost.pValue).toBeGreaterThan(0.95);
    },
  );

  it('leaves rounds of one class out and has no verdict without rounds', () => {
    const few = { truth: [0, 1], candidate: [0.1, 0.9], champion: [0.9, 0.1] };
    const some = pairedBootstrap(metricOf('roc_auc'), few, options);
    expect(some.roundsUsed).toBeGreaterThan(50);
    expect(some.roundsUsed).toBeLessThan(150);
    const none = pairedBootstrap(metricOf('roc_auc'), { ...few, truth: [1, 1] }, options);
    expect(none).toEqual({ difference: null, low: null, high: null, roundsUsed: 0, pValue: null });
    expect(() =>
      bootstrapDifference(
        1,
        () => 1,
        () => 1,
        { ...options, rounds: 0 },
      ),
    ).toThrow(/rounds/);
  });

  it('mcnemar judges the rows that only one model gets right', () => {
    expect(discordant([0, 1, 1, 0], [0, 1, 0, 1], [0, 0, 1, 1])).toEqual({ onlyFirst: 1, onlySecond: 1 });
    expect(mcnemarExact(0, 0)).toEqual({ statistic: 0, pValue: 1, firstBetterPValue: 1 });
    expect(mcnemarExact(10, 0).firstBetterPValue).toBeCloseTo(2 ** -10, 12);
    expect(mcnemarExact(0, 10).firstBetterPValue).toBe(1);
  });
});
