import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evidenceAbove, lossDifference, PairedLosses, sameAnswer } from '../src/index.js';

/** Of n draws that are 1 with the given chance: the chance of each count. */
function binomial(n: number, chance: number): number[] {
  let row = [1];
  for (let draw = 0; draw < n; draw++) {
    row = Array.from({ length: row.length + 1 }, (_, k) => (row[k] ?? 0) * (1 - chance) + (row[k - 1] ?? 0) * chance);
  }
  return row;
}

/** What `k` ones among `n` draws of 0 or 1 say. */
const ones = (n: number, k: number, limit: number) => evidenceAbove(limit, 0, { values: [1, 0], counts: [k, n - k] });
const share = fc.double({ min: 0.05, max: 0.95, noNaN: true });

describe('evidence that a mean is above a limit', () => {
  test('is 1 before anything is seen, and on average after it while the mean is the limit', () => {
    fc.assert(
      fc.property(share, fc.integer({ min: 0, max: 100 }), (limit, n) => {
        const mean = binomial(n, limit).reduce((sum, chance, k) => sum + chance * ones(n, k, limit), 0);
        expect(mean).toBeCloseTo(1, 6);
      }),
      { numRuns: 100, seed: 1 },
    );
  });

  test('is at most 1 on average while the mean is below the limit', () => {
    fc.assert(
      fc.property(share, share, fc.integer({ min: 0, max: 100 }), (one, other, n) => {
        const [mean, limit] = [Math.min(one, other), Math.max(one, other)];
        const average = binomial(n, mean).reduce((sum, chance, k) => sum + chance * ones(n, k, limit), 0);
        expect(average).toBeLessThanOrEqual(1 + 1e-9);
      }),
      { numRuns: 100, seed: 1 },
    );
  });

  test('does not depend on how observations are split: it grows with each one above the limit and falls with each below', () => {
    fc.assert(
      fc.property(share, fc.nat(300), fc.nat(300), (limit, k, zeros) => {
        const now = ones(k + zeros, k, limit);
        fc.pre(now < 1e200);
        expect(ones(k + zeros + 1, k + 1, limit)).toBeGreaterThan(now);
        expect(ones(k + zeros + 1, k, limit)).toBeLessThan(now);
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  test('is finite and not negative whatever is seen', () => {
    expect(ones(1_000_000, 1_000_000, 0.01)).toBe(1e300);
    expect(ones(1_000_000, 0, 0.99)).toBeGreaterThanOrEqual(0);
    expect(evidenceAbove(0.002, -1, { values: [-1], counts: [1_000_000] })).toBeGreaterThanOrEqual(0);
  });
});

describe('the difference of two losses', () => {
  const answers = fc.double({ min: 0, max: 1, noNaN: true });

  test('turns its sign with the models and stays within -1 and 1', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.integer({ min: 0, max: 1 }), answers, answers, (isClass, truth, one, other) => {
        const difference = lossDifference(isClass, truth, one, other);
        expect(difference).toBeCloseTo(-lossDifference(isClass, truth, other, one), 12);
        expect(Math.abs(difference)).toBeLessThanOrEqual(1);
      }),
      { seed: 1 },
    );
  });

  test.each<[boolean, number, number | number[], number | number[], number]>([
    [true, 1, 0.9, 0.5, -0.24],
    [true, 2, [0, 0, 1], [1, 0, 0], -1],
    [false, 10, 12, 11, 1 / 3],
    [false, 10, 10, 10, 0],
    [true, 1, Number.NaN, 0.1, 1],
    [false, 1, 5, Number.NaN, -1],
  ])('class %s, truth %d, %j against %j: %d', (isClass, truth, one, other, expected) => {
    expect(lossDifference(isClass, truth, one, other)).toBeCloseTo(expected, 12);
  });

  test('is counted rounded down, and counts of shards add up', () => {
    const [one, other] = [new PairedLosses(), new PairedLosses()];
    for (const difference of [0.039, -0.001, 1, -1]) one.add(difference);
    other.add(0.02);
    one.merge(other.snapshot());
    expect(one.snapshot()).toEqual({ levels: [-50, -1, 1, 50], counts: [1, 1, 2, 1] });
    expect(new PairedLosses(one.snapshot()).snapshot()).toEqual(one.snapshot());
  });
});

test.each<[boolean, number | number[], number | number[], boolean]>([
  [true, 0.5, 0.9, true],
  [true, 0.49, 0.5, false],
  [true, [0.2, 0.5, 0.3], [0.1, 0.6, 0.3], true],
  [true, [0.2, 0.5, 0.3], [0.6, 0.1, 0.3], false],
  [false, 100, 91, true],
  [false, 100, 89, false],
  [false, 0, 0, true],
  [false, Number.NaN, Number.NaN, false],
])('class %s: %j and %j are the same: %s', (isClass, one, other, expected) => {
  expect(sameAnswer(isClass, one, other)).toBe(expected);
});
