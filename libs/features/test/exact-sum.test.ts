import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExactSum, standardDeviation } from '../src/state/exact-sum.js';
import { exactDeviation, exactSum } from './exact.js';

/** Doubles of very different magnitude, so that naive sums lose most of their digits. */
const value = fc
  .tuple(fc.double({ min: -1, max: 1, noNaN: true }), fc.integer({ min: -90, max: 90 }))
  .map(([part, power]) => (Math.abs(part) < 1e-30 ? 0 : part * 2 ** power));

describe('exact sums', () => {
  it('given values that cancel, then nothing is lost', () => {
    const sum = new ExactSum();
    for (const term of [1e100, 1, -1e100, 1e-30]) sum.add(term);
    expect(sum.value()).toBe(1);
    sum.add(-1);
    expect(sum.value()).toBe(1e-30);
    sum.add(-1e-30);
    expect(sum.value()).toBe(0);
  });

  it('given a sum half-way between two doubles, then the parts below decide', () => {
    const sum = new ExactSum();
    for (const term of [2 ** 53, 1, 2 ** -60]) sum.add(term);
    expect(sum.value()).toBe(2 ** 53 + 2);
  });

  it('after any values came and went, equals the sum of those that stayed, rounded once', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(value, fc.boolean()), { maxLength: 40, size: 'max' }), (steps) => {
        const sum = new ExactSum();
        const squares = new ExactSum();
        for (const [term] of steps) {
          sum.add(term);
          squares.addProduct(term, term, 1);
        }
        for (const [term, leaves] of steps) {
          if (!leaves) continue;
          sum.add(-term);
          squares.addProduct(term, term, -1);
        }
        const stayed = steps.filter(([, leaves]) => !leaves).map(([term]) => term);
        expect(sum.value() + 0).toBe(exactSum(stayed) + 0);
        expect(standardDeviation(stayed.length, sum, squares)).toBe(exactDeviation(stayed));
      }),
      { numRuns: 1000 },
    );
  });

  it('given equal values, then the deviation is 0 exactly', () => {
    const sum = new ExactSum();
    const squares = new ExactSum();
    for (let count = 1; count <= 10; count++) {
      sum.add(0.1);
      squares.addProduct(0.1, 0.1, 1);
      expect(standardDeviation(count, sum, squares)).toBe(count < 2 ? null : 0);
    }
  });

  it('at the bounds of what windows keep, neither overflows nor underflows', () => {
    const extremes = [2 ** 400, -(2 ** 400), 2 ** -485, 3 * 2 ** -485];
    const sum = new ExactSum();
    const squares = new ExactSum();
    for (const term of extremes) {
      sum.add(term);
      squares.addProduct(term, term, 1);
    }
    expect(sum.value()).toBe(2 ** -483);
    for (const term of extremes.slice(0, 2)) {
      sum.add(-term);
      squares.addProduct(term, term, -1);
    }
    expect(standardDeviation(2, sum, squares)).toBeCloseTo(Math.SQRT2 * 2 ** -485, 160);
    expect(standardDeviation(2, sum, squares)).toBeGreaterThan(0);
  });
});
