import { chiSquareSf } from '../special/gamma.js';
import type { Measured } from './result.js';

/** Counts of both sides over the same cells; no cell is empty on both sides. */
export interface CountTable {
  readonly reference: Float64Array;
  readonly current: Float64Array;
}

export const totalOf = (counts: Float64Array): number => counts.reduce((a, b) => a + b, 0);

/**
 * Goodness of fit of the current counts to the reference's, scaled to the current size (`scipy.stats.chisquare`),
 * k - 1 degrees of freedom. A cell that the reference lacks makes the statistic infinite, p = 0.
 */
export function goodnessOfFit({ reference, current }: CountTable): Measured {
  const scale = totalOf(current) / totalOf(reference);
  let statistic = 0;
  for (let i = 0; i < reference.length; i++) {
    const expected = (reference[i] ?? 0) * scale;
    statistic += ((current[i] ?? 0) - expected) ** 2 / expected;
  }
  return { statistic, pValue: chiSquareSf(statistic, reference.length - 1) };
}

/**
 * Pearson's test of homogeneity of the 2 x k table (`scipy.stats.chi2_contingency`); `correction` applies Yates'
 * (1934) to tables with one degree of freedom. One category: statistic 0, p = 1.
 */
export function homogeneity({ reference, current }: CountTable, correction: boolean): Measured {
  const dof = reference.length - 1;
  if (dof === 0) return { statistic: 0, pValue: 1, details: { dof } };
  const n = totalOf(reference);
  const m = totalOf(current);
  const cell = (observed: number, expected: number): number => {
    const difference = Math.abs(expected - observed);
    const left = correction && dof === 1 ? difference - Math.min(0.5, difference) : difference;
    return (left * left) / expected;
  };
  let statistic = 0;
  for (let i = 0; i < reference.length; i++) {
    const r = reference[i] ?? 0;
    const c = current[i] ?? 0;
    const both = (r + c) / (n + m);
    statistic += cell(r, both * n) + cell(c, both * m);
  }
  return { statistic, pValue: chiSquareSf(statistic, dof), details: { dof } };
}
