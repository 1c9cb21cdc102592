import { type CountTable, goodnessOfFit, homogeneity, totalOf } from './chi-square.js';
import type { CategoricalDriftMethod, CategoryCounts, DriftOptions } from './method.js';
import { type DriftRule, distanceRule as distance, judge, type Measured, noVerdict } from './result.js';
import {
  jsDivergence,
  linfOf,
  mapBoth,
  psiOf,
  robustDistance,
  type SharePair,
  shares,
  withoutZerosEvidently,
} from './shares.js';

type Measure = (table: CountTable, options: DriftOptions) => Measured;

const test = (threshold: number | null): DriftRule => ({ compares: 'pValue', decision: '<', threshold });

/** Counts over the categories of either side, in order of first appearance; categories without rows are left out. */
function tableOf(reference: CategoryCounts, current: CategoryCounts): CountTable {
  const keys = [...new Set([...reference.keys(), ...current.keys()])].filter(
    (key) => (reference.get(key) ?? 0) + (current.get(key) ?? 0) > 0,
  );
  const column = (side: CategoryCounts): Float64Array => Float64Array.from(keys, (key) => side.get(key) ?? 0);
  return { reference: column(reference), current: column(current) };
}

const sharesOf = ({ reference, current }: CountTable): SharePair => ({
  reference: shares(reference, totalOf(reference)),
  current: shares(current, totalOf(current)),
});

function categorical(name: string, rule: DriftRule, measure: Measure): CategoricalDriftMethod {
  return {
    kind: 'categorical',
    name,
    ...rule,
    compute(reference, current, options = {}) {
      const table = tableOf(reference, current);
      if (totalOf(table.reference) === 0 || totalOf(table.current) === 0) return noVerdict('NO_DATA', rule);
      return judge(measure(table, options), rule, options.threshold);
    },
  };
}

/** Over the reference's categories; what is new makes one more cell whose reference share is 0. */
function nannymlShares(table: CountTable): SharePair {
  const { reference, current } = sharesOf(table);
  const known = [...reference.keys()].filter((i) => (reference[i] ?? 0) > 0);
  const seen = known.map((i) => current[i] ?? 0);
  const rest = 1 - seen.reduce((a, b) => a + b, 0);
  return {
    reference: Float64Array.of(...known.map((i) => reference[i] ?? 0), 0),
    current: Float64Array.of(...seen, Math.max(0, rest)),
  };
}

/** `linf:nannyml` has a number for an empty reference too: the greatest share of the current side. */
function linfNannyml(): CategoricalDriftMethod {
  const rule = distance('>', null);
  const method = categorical('linf:nannyml', rule, (table) => ({ statistic: linfOf(sharesOf(table)) }));
  return {
    ...method,
    compute(reference, current, options) {
      const table = tableOf(reference, current);
      const n = totalOf(table.current);
      if (totalOf(table.reference) > 0 || n === 0) return method.compute(reference, current, options);
      return noVerdict('NO_DATA', rule, Math.max(...table.current) / n);
    },
  };
}

/**
 * Drift of a column of categories. `:evidently`, `:nannyml`, `:tfdv` and `:deequ` are those tools' numbers,
 * peculiarities included. `chisquare:evidently` is the goodness of fit to the reference (one row of a new category: p = 0);
 * `chisquare:fixed` is the homogeneity test of the 2 x k table, which estimates the expected counts from both sides.
 */
export const categoricalDriftMethods: readonly CategoricalDriftMethod[] = [
  categorical('psi-cat:evidently', distance('>='), (table) => ({
    statistic: psiOf(mapBoth(sharesOf(table), withoutZerosEvidently)),
  })),
  categorical('js-cat:evidently', distance('>='), (table) => ({ statistic: Math.sqrt(jsDivergence(sharesOf(table))) })),
  categorical('js-cat:nannyml', distance('>', null), (table) => ({
    statistic: Math.sqrt(jsDivergence(nannymlShares(table)) / Math.LN2),
  })),
  categorical('js-cat:tfdv', distance('>'), (table) => ({
    statistic: Math.min(1, jsDivergence(sharesOf(table)) / Math.LN2),
  })),
  categorical('chisquare:evidently', test(0.05), goodnessOfFit),
  categorical('chisquare:fixed', test(0.05), (table) => homogeneity(table, false)),
  categorical('chi2:contingency', test(null), (table, options) => homogeneity(table, options.correction ?? true)),
  categorical('chi2:nannyml', test(0.05), (table) => homogeneity(table, true)),
  linfNannyml(),
  categorical('linf:tfdv', distance('>'), (table) => ({ statistic: linfOf(sharesOf(table)) })),
  categorical('linf:deequ', distance('>'), (table, options) =>
    robustDistance(linfOf(sharesOf(table)), totalOf(table.reference), totalOf(table.current), options.alpha),
  ),
];
