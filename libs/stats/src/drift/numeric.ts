import { RelearnError } from '@relearn/kernel';
import { histogramEdges } from '../histogram.js';
import { standardDeviation } from '../quantile.js';
import { type KsMode, ksStatistic, ksTwoSample } from './ks.js';
import type { DriftOptions, NumericDriftMethod } from './method.js';
import { ksNannyml, wassersteinNannyml } from './nannyml.js';
import { concatenated, decileShares, evidentlyShares, fixedShares, inBins, nannymlShares } from './numeric-bins.js';
import { type DriftRule, distanceRule as distance, judge, type Measured, noVerdict } from './result.js';
import {
  EVIDENTLY_ZERO_SHARE,
  jsDivergence,
  linfOf,
  mapBoth,
  psiOf,
  robustDistance,
  withoutZerosEvidently,
} from './shares.js';
import { ascending, wassersteinDistance } from './wasserstein.js';

/** Which values a variant drops before anything else. */
type Cleaning = 'finite' | 'not-nan' | 'none';
type Measure = (reference: Float64Array, current: Float64Array, options: DriftOptions) => Measured;

const MIN_POSITIVE = 2 ** -1022;

function cleaned(values: ArrayLike<number>, cleaning: Cleaning): Float64Array {
  const all = Float64Array.from(values);
  if (cleaning === 'none') return all;
  return all.filter(cleaning === 'finite' ? Number.isFinite : (v) => !Number.isNaN(v));
}

const usable = (values: Float64Array): boolean => values.some((v) => !Number.isNaN(v));

function numeric(name: string, cleaning: Cleaning, rule: DriftRule, measure: Measure): NumericDriftMethod {
  return {
    kind: 'numeric',
    name,
    ...rule,
    compute(reference, current, options = {}) {
      const sides = [cleaned(reference, cleaning), cleaned(current, cleaning)] as const;
      if (!usable(sides[0]) || !usable(sides[1])) return noVerdict('NO_DATA', rule);
      try {
        return judge(measure(sides[0], sides[1], options), rule, options.threshold);
      } catch (error) {
        // An infinite or unbinnable column: the peer raises.
        if (error instanceof RelearnError && error.code === 'INVALID_INPUT') return noVerdict('NOT_COMPUTABLE', rule);
        throw error;
      }
    },
  };
}

const floored = (floor: number) => (values: Float64Array) => values.map((v) => (v === 0 ? floor : v));

function ksMethod(name: string, cleaning: Cleaning, mode: KsMode, threshold: number | null): NumericDriftMethod {
  const rule: DriftRule = { compares: 'pValue', decision: '<=', threshold };
  return numeric(name, cleaning, rule, (a, b) => ksTwoSample(...ascending(a, b), mode));
}

/**
 * Drift of a column of numbers. `:evidently`, `:nannyml`, `:frouros` and `:deequ` are those tools' numbers (Evidently
 * 0.7.23, NannyML 0.13.1, Frouros 0.9.0), peculiarities included; `:scipy` takes the array as it is (scipy 1.17);
 * `:fixed` and `:deciles-ref` are our definitions, stated at the functions of numeric-bins.ts.
 */
export const numericDriftMethods: readonly NumericDriftMethod[] = [
  numeric('psi:evidently', 'finite', distance('>='), (a, b, options) => ({
    statistic: psiOf(mapBoth(evidentlyShares(a, b, options), withoutZerosEvidently)),
  })),
  numeric('psi:fixed', 'finite', distance('>='), (a, b, options) => ({
    statistic: psiOf(mapBoth(fixedShares(a, b, options), withoutZerosEvidently)),
  })),
  numeric('psi:deciles-ref', 'finite', distance('>='), (a, b) => ({
    statistic: psiOf(mapBoth(decileShares(a, b), floored(EVIDENTLY_ZERO_SHARE))),
  })),
  numeric('psi:frouros', 'not-nan', distance('>', null), (a, b) => ({
    statistic: psiOf(mapBoth(inBins(histogramEdges(concatenated(a, b), 10), a, b), floored(MIN_POSITIVE))),
  })),
  numeric('js:evidently', 'finite', distance('>='), (a, b, options) => ({
    statistic: Math.sqrt(jsDivergence(evidentlyShares(a, b, options))),
  })),
  numeric('js:fixed', 'finite', distance('>='), (a, b, options) => ({
    statistic: Math.sqrt(jsDivergence(fixedShares(a, b, options))),
  })),
  numeric('js:nannyml', 'not-nan', distance('>', null), (a, b) => ({
    statistic: Math.sqrt(jsDivergence(nannymlShares(a, b)) / Math.LN2),
  })),
  ksMethod('ks:evidently', 'finite', 'auto', 0.05),
  ksMethod('ks:scipy-auto', 'none', 'auto', null),
  ksMethod('ks:scipy-exact', 'none', 'exact', null),
  ksMethod('ks:scipy-asymp', 'none', 'asymptotic', null),
  numeric('ks:nannyml', 'not-nan', distance('>', null), ksNannyml),
  numeric('wasserstein:evidently', 'finite', distance('>='), (a, b) => ({
    statistic: wassersteinDistance(...ascending(a, b)) / Math.max(standardDeviation(a), 0.001),
  })),
  numeric('wasserstein:scipy', 'none', distance('>', null), (a, b) => ({
    statistic: wassersteinDistance(...ascending(a, b)),
  })),
  numeric('wasserstein:nannyml', 'not-nan', distance('>', null), wassersteinNannyml),
  numeric('linf:deciles-ref', 'finite', distance('>'), (a, b) => ({ statistic: linfOf(decileShares(a, b)) })),
  numeric('linf-cdf:deequ', 'finite', distance('>'), (a, b, options) =>
    robustDistance(ksStatistic(...ascending(a, b)), a.length, b.length, options.alpha),
  ),
];
