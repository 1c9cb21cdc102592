import { mulberry32 } from '@relearn/kernel';
import { PairedLosses } from '@relearn/stats';
import { describe, expect, test } from 'vitest';
import { RolloutWatch } from '../src/domain/rollout/watch.js';
import { type Fate, judge, mirror, model, policy, request, specOf, Trial } from './rollout-world.js';

type Draw = () => number;

/** Normal, by Box and Muller. */
const normal = (draw: Draw) => Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());

interface Behaviour {
  readonly errors: number;
  /** Median, ms; log-normal around it. */
  readonly medianMs: number;
  /** Share of requests on which it says what the champion says. */
  readonly agreement: number;
}
const usual: Behaviour = { errors: 0.02, medianMs: 20, agreement: 1 };

function fateOf({ errors, medianMs }: Behaviour, draw: Draw): Fate {
  return { fails: draw() < errors, computeMs: medianMs * Math.exp(0.5 * normal(draw)), probability: 0.9 };
}

/** Canary requests until the challenger is rolled back; null: it is not. */
function canary(seed: number, share: number, most: number, champion: Behaviour, challenger: Behaviour): number | null {
  const draw = mulberry32(seed);
  const trial = new Trial(policy());
  for (let canaries = 0; canaries < most; ) {
    const inside = draw() < share;
    const behaviour = inside ? challenger : champion;
    const fate = fateOf(behaviour, draw);
    const verdicts = [trial.take(request(inside ? 'challenger' : 'champion', fate))];
    if (inside) canaries += 1;
    if (inside && !fate.fails) {
      const same = draw() < behaviour.agreement;
      const said = { ...fate, probability: same ? 0.9 : 0.1 };
      verdicts.push(trial.take(mirror('challenger', fate, said)));
    }
    if (verdicts.some((verdict) => verdict?.verdict === 'rollback')) return canaries;
  }
  return null;
}

const runs = (count: number, of: (seed: number) => number | null) =>
  Array.from({ length: count }, (_, seed) => of(seed + 1));

describe('a canary', () => {
  test('as good as the champion is rolled back in at most 1 % of 1,000 runs of 600 canary requests', () => {
    // Agreement is what its limit allows, and no more: the hardest case in which nothing is wrong.
    const equal = { ...usual, agreement: 0.9 };
    const rolledBack = runs(1_000, (seed) => canary(seed, 0.5, 600, equal, equal)).filter((at) => at !== null);
    expect(rolledBack.length).toBeLessThanOrEqual(10);
  }, 120_000);

  test.each<[string, Behaviour, Behaviour]>([
    ['that fails 5 % of its requests', { ...usual, errors: 0 }, { ...usual, errors: 0.05 }],
    ['that fails 15 % where the champion fails 2 %', usual, { ...usual, errors: 0.15 }],
    ['that takes twice as long', usual, { ...usual, medianMs: 40 }],
    ['that says something else for every fifth request', usual, { ...usual, agreement: 0.8 }],
  ])(
    '%s is rolled back within 500 canary requests in 99 of 100 runs',
    (_, champion, challenger) => {
      for (const share of [0.05, 0.5]) {
        const found = runs(100, (seed) => canary(seed, share, 500, champion, challenger)).filter((at) => at !== null);
        expect(found.length).toBeGreaterThanOrEqual(99);
      }
    },
    120_000,
  );
});

describe('the judge', () => {
  const good: Fate = { fails: false, computeMs: 5, probability: 0.9 };

  /** So many pairs of requests that went well. */
  function after(pairs: number, change: Parameters<typeof policy>[0] = {}): Trial {
    const trial = new Trial(policy(change));
    for (let pair = 0; pair < pairs; pair++) {
      trial.take(request('champion', good));
      trial.take(request('challenger', good));
    }
    return trial;
  }

  test('says nothing before a step has its requests', () => {
    expect(after(190, { requests: 200 }).verdict()).toBeNull();
  });

  test('goes on to the next step, and promotes after the last', () => {
    const trial = after(200, { requests: 200, steps: [0.05, 0.5] });
    expect(trial.verdict()).toMatchObject({ verdict: 'advance', requests: 200, evidence: expect.any(Number) });
    expect(trial.verdict(0, { step: 1, before: 200 })).toBeNull();
    expect(trial.verdict(0, { step: 1, before: 0 })).toMatchObject({ verdict: 'promote' });
  });

  test('gives one verdict a step', () => {
    expect(after(200, { requests: 200 }).verdict(0, { given: true })).toBeNull();
  });

  test('at its limit promotes what has been seen enough of, and rolls back what has not', () => {
    const limit = 1_000;
    const seen = (rows: number) => {
      const trial = new Trial(policy({ requests: 100, limit }));
      const probability = Array.from({ length: rows }, () => 0.9);
      const arms = (['champion', 'challenger'] as const).map((arm, index) => ({
        arm,
        model: index + 1,
        outputs: { probability },
      }));
      const ids = probability.map(() => null);
      const times = probability.map(() => 0);
      trial.take({ kind: 'stream', ids, times, at: times, inputs: {}, arms, watermark: null, rollout: model });
      return trial;
    };
    expect(seen(100).verdict(limit - 1)).toBeNull();
    expect(seen(100).verdict(limit)).toMatchObject({ verdict: 'promote', rows: 100, requests: 0 });
    expect(seen(99).verdict(limit)).toMatchObject({
      verdict: 'rollback',
      reasons: [expect.stringContaining('99 of 100')],
    });
  });

  test('looks at labels where they come in time', () => {
    const trial = after(20);
    const losses = new PairedLosses();
    for (let row = 0; row < 300; row++) losses.add(row % 2 === 0 ? 0.3 : -0.05);
    trial.losses = losses.snapshot();
    expect(trial.verdict()).toMatchObject({ verdict: 'rollback', reasons: [expect.stringMatching(/^quality: /)] });
    const off = new Trial(policy({ judge: { ...judge, quality: null } }));
    off.losses = losses.snapshot();
    expect(off.verdict()).toBeNull();
  });

  test('of a shadow compares each mirrored run with the answer', () => {
    const trial = new Trial(policy({ strategy: 'shadow', steps: [0], requests: 30 }));
    const slow = { ...good, computeMs: 50 };
    let verdict = null;
    for (let count = 0; count < 30 && verdict === null; count++) {
      trial.take(request('champion', good));
      verdict = trial.take(mirror('champion', good, slow));
    }
    expect(verdict).toMatchObject({ verdict: 'rollback', reasons: [expect.stringMatching(/^latency: /)] });
  });

  test('does not mind what nobody notices', () => {
    const trial = new Trial(policy({ strategy: 'shadow', steps: [0], requests: 100 }));
    let verdict = null;
    for (let count = 0; count < 100; count++) {
      verdict = trial.take(mirror('champion', { ...good, computeMs: 0.02 }, { ...good, computeMs: 0.5 })) ?? verdict;
    }
    expect(verdict).toMatchObject({ verdict: 'promote' });
  });
});

describe('what a shard has seen', () => {
  const good: Fate = { fails: false, computeMs: 5, probability: 0.9 };

  test('is the same after a restart in the middle', () => {
    const draw = mulberry32(7);
    const events = Array.from({ length: 200 }, () =>
      request(draw() < 0.3 ? 'challenger' : 'champion', fateOf(usual, draw)),
    );
    const whole = new RolloutWatch(specOf(policy()), model);
    let parts = new RolloutWatch(specOf(policy()), model);
    for (const event of events) {
      whole.take(event, 0);
      parts.take(event, 0);
      expect(parts.news()).toEqual(whole.news());
      parts = new RolloutWatch(specOf(policy()), model, JSON.parse(JSON.stringify(parts.save())));
    }
    expect(parts.save()).toEqual(whole.save());
  });

  test('counts an answer that is no number as a failure, and rows of which one arm failed as one', () => {
    const watch = new RolloutWatch(specOf(policy()), model);
    watch.take(request('champion', good), 0);
    watch.take(request('challenger', { ...good, probability: Number.NaN }), 0);
    const rows = { ids: [null, null], times: [0, 0], at: [1, 2], inputs: {}, watermark: null, rollout: model };
    const champion = { arm: 'champion' as const, model: 1, outputs: { probability: [0.1, 0.2] } };
    watch.take({ ...rows, kind: 'stream', arms: [champion] }, 0);
    expect(watch.save().counts).toMatchObject({ rows: 2, errors: { worse: 2, same: 0, better: 0 } });
  });

  test('is told a few hundred times, however much it is', () => {
    const watch = new RolloutWatch(specOf(policy()), model);
    let told = 0;
    for (let count = 0; count < 100_000; count++) {
      watch.take(request('challenger', good), 0);
      if (watch.news() !== null) told += 1;
    }
    expect(told).toBeGreaterThan(200);
    expect(told).toBeLessThan(400);
  });

  test('compares nothing where an answer was asked for in part', () => {
    const watch = new RolloutWatch(specOf(policy()), model);
    const whole = mirror('challenger', good, good);
    watch.take({ ...whole, arms: whole.arms.map((arm) => ({ ...arm, outputs: {} })) }, 0);
    watch.take(whole, 0);
    expect(watch.save().counts).toMatchObject({ agreement: { compared: 1, agreed: 1 } });
  });
});
