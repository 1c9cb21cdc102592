import { describe, expect, it } from 'vitest';
import * as stats from '../src/index.js';
import { type BinRule, histogramCounts, histogramEdges, quantiles } from '../src/index.js';
import { type Case, difference, numbersOf, readCases } from './golden/cases.js';

const functions: Readonly<Record<string, (...args: readonly number[]) => number>> = {
  'normal-cdf': (x = Number.NaN) => stats.normalCdf(x),
  'normal-sf': (x = Number.NaN) => stats.normalSf(x),
  'chi2-sf': (x = Number.NaN, df = Number.NaN) => stats.chiSquareSf(x, df),
  'chi2-cdf': (x = Number.NaN, df = Number.NaN) => stats.chiSquareCdf(x, df),
  'kolmogorov-sf': (x = Number.NaN) => stats.kolmogorovSf(x),
  'kstwo-sf': (d = Number.NaN, n = Number.NaN) => stats.kstwoSf(d, n),
  'beta-cdf': (x = Number.NaN, a = Number.NaN, b = Number.NaN) => stats.betaCdf(x, a, b),
  gammainc: (a = Number.NaN, x = Number.NaN) => stats.gammaP(a, x),
  gammaincc: (a = Number.NaN, x = Number.NaN) => stats.gammaQ(a, x),
  gammaln: (x = Number.NaN) => stats.logGamma(x),
  erf: (x = Number.NaN) => stats.erf(x),
  erfc: (x = Number.NaN) => stats.erfc(x),
  'binomial-cdf': (k = Number.NaN, n = Number.NaN, p = Number.NaN) => stats.binomialCdf(k, n, p),
};

const special = readCases('special');
const differences = (cases: readonly Case[], compute: (from: Case) => Record<string, unknown>): string[] =>
  cases.map((c) => difference(c, { state: 'OK', ...compute(c) })).filter((d) => d !== undefined);

describe('special functions', () => {
  it.each(Object.keys(functions))('%s agrees with scipy', (name) => {
    const own = special.filter((c) => c.method === name);
    expect(own.length).toBeGreaterThan(20);
    const compute = (from: Case): Record<string, unknown> => {
      const statistic = functions[name]?.(...numbersOf(from, 'args')) ?? Number.NaN;
      return { statistic, state: Number.isNaN(statistic) ? 'NOT_COMPUTABLE' : 'OK' };
    };
    expect(differences(own, compute)).toEqual([]);
  });
});

describe('quantiles and histograms', () => {
  it('interpolates linearly as numpy does', () => {
    const compute = (from: Case): Record<string, unknown> => {
      const x = numbersOf(from, 'x');
      if (x.length === 0) return { state: 'NO_DATA' };
      return { values: quantiles(x, numbersOf(from, 'q')) };
    };
    expect(differences(readCases('quantiles'), compute)).toEqual([]);
  });

  const histograms = readCases('histograms');
  const rules: readonly BinRule[] = ['auto', 'sturges', 'doane', 'fd', 'scott', 'rice', 'sqrt'];
  it.each(rules)('bins by the rule %s as numpy does', (rule) => {
    const own = histograms.filter((c) => c.params['bins'] === rule);
    expect(own.length).toBe(70);
    expect(differences(own, (from) => histogramOf(from, rule))).toEqual([]);
  });
});

function histogramOf(from: Case, rule: BinRule): Record<string, unknown> {
  const x = Float64Array.from(numbersOf(from, 'x'));
  const state = x.length === 0 ? 'NO_DATA' : 'OK';
  if (!x.every(Number.isFinite)) {
    expect(() => histogramEdges(x, rule)).toThrow(/histogram/);
    return { state: 'NOT_COMPUTABLE' };
  }
  const edges = [...histogramEdges(x, rule, { integer: from.params['dtype'] === 'int64' })];
  const counts = [...histogramCounts(x, Float64Array.from(edges))];
  const sum = counts.reduce((a, b) => a + b * b, 0);
  return {
    state,
    bins: counts.length,
    width: (edges[1] ?? 0) - (edges[0] ?? 0),
    edges,
    counts,
    first_edges: edges.slice(0, 5),
    last_edges: edges.slice(-5),
    first_counts: counts.slice(0, 20),
    sum_of_squared_counts: sum,
  };
}
