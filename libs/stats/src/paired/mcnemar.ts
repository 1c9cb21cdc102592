import { binomialCdf } from '../special/beta.js';
import { chiSquareSf } from '../special/gamma.js';

export interface McNemarResult {
  readonly statistic: number | null;
  /** Two-sided. */
  readonly pValue: number | null;
}

export interface ExactMcNemarResult {
  /** The smaller of the two counts. */
  readonly statistic: number;
  /** Two-sided: twice the smaller binomial tail, at most 1. */
  readonly pValue: number;
  /** One-sided, against `first is not better`: P(X >= onlyFirst) under equal chances. */
  readonly firstBetterPValue: number;
}

/**
 * Exact McNemar test (McNemar 1947; binomial form as statsmodels) from the rows that only the first or only the second
 * model gets right. No such row: p = 1.
 */
export function mcnemarExact(onlyFirst: number, onlySecond: number): ExactMcNemarResult {
  const statistic = Math.min(onlyFirst, onlySecond);
  const rows = onlyFirst + onlySecond;
  if (rows === 0) return { statistic, pValue: 1, firstBetterPValue: 1 };
  return {
    statistic,
    pValue: Math.min(1, 2 * binomialCdf(statistic, rows, 0.5)),
    firstBetterPValue: binomialCdf(onlySecond, rows, 0.5),
  };
}

/** The chi-square approximation of McNemar's test, by default with the continuity correction of Edwards (1948). */
export function mcnemarChiSquare(onlyFirst: number, onlySecond: number, correction = true): McNemarResult {
  const difference = Math.abs(onlyFirst - onlySecond) - (correction ? 1 : 0);
  const statistic = (difference * difference) / (onlyFirst + onlySecond);
  if (Number.isNaN(statistic)) return { statistic: null, pValue: null };
  return { statistic, pValue: chiSquareSf(statistic, 1) };
}

/** Rows that only the first, or only the second, of two models classifies right. All three are class indices. */
export function discordant(
  truth: ArrayLike<number>,
  first: ArrayLike<number>,
  second: ArrayLike<number>,
): { onlyFirst: number; onlySecond: number } {
  let [onlyFirst, onlySecond] = [0, 0];
  for (let i = 0; i < truth.length; i++) {
    const a = first[i] === truth[i];
    const b = second[i] === truth[i];
    if (a && !b) onlyFirst++;
    else if (b && !a) onlySecond++;
  }
  return { onlyFirst, onlySecond };
}
