import { RelearnError } from '@relearn/kernel';
import { homogeneity, totalOf } from '../drift/chi-square.js';
import { type DriftResult, type DriftRule, distanceRule, judge, type Measured, noVerdict } from '../drift/result.js';
import { EVIDENTLY_ZERO_SHARE, jsDivergence, linfOf, psiOf, type SharePair, shares } from '../drift/shares.js';
import { kstwoSf } from '../special/kolmogorov.js';
import type { ColumnReference, NumericReference } from './reference.js';
import type { WindowCounts } from './window-counts.js';

/** A drift method over counts on the frozen cells of a reference: nothing but the counts is needed. */
export interface BinnedDriftMethod extends DriftRule {
  readonly name: string;
  readonly kinds: readonly ColumnReference['kind'][];
  /** `threshold` replaces the default. Throws INVALID_INPUT for a column of another kind or other cells. */
  compute(reference: ColumnReference, window: WindowCounts, threshold?: number): DriftResult;
}

type Kinds = BinnedDriftMethod['kinds'];

interface Sides {
  readonly reference: Float64Array;
  readonly current: Float64Array;
}

const anyKind: Kinds = ['numeric', 'categorical'];
const numericOnly: Kinds = ['numeric'];

/** Counts of both sides with missing values as one more cell; cells that are empty on both sides are left out. */
function cellsWithNulls(reference: ColumnReference, window: WindowCounts): Sides {
  const all = { reference: [...reference.counts, reference.nulls], current: [...window.counts, window.nulls] };
  const used = (_: number, i: number): boolean => (all.reference[i] ?? 0) + (all.current[i] ?? 0) > 0;
  return {
    reference: Float64Array.from(all.reference.filter(used)),
    current: Float64Array.from(all.current.filter(used)),
  };
}

const sharesOf = ({ reference, current }: Sides): SharePair => ({
  reference: shares(reference, totalOf(reference)),
  current: shares(current, totalOf(current)),
});

const floored = (values: Float64Array): Float64Array => values.map((v) => (v === 0 ? EVIDENTLY_ZERO_SHARE : v));

function method(
  name: string,
  kinds: Kinds,
  rule: DriftRule,
  sidesOf: (reference: ColumnReference, window: WindowCounts) => Sides,
  measure: (sides: Sides, reference: ColumnReference) => Measured,
): BinnedDriftMethod {
  return {
    name,
    kinds,
    ...rule,
    compute(reference, window, threshold) {
      if (!kinds.includes(reference.kind)) {
        throw new RelearnError(
          'INVALID_INPUT',
          `${name} needs a ${kinds.join(' or ')} column, not a ${reference.kind} one`,
        );
      }
      if (window.counts.length !== reference.counts.length) {
        throw new RelearnError('INVALID_INPUT', `${name}: the window's counts belong to another reference`);
      }
      const sides = sidesOf(reference, window);
      if (totalOf(sides.reference) === 0 || totalOf(sides.current) === 0) return noVerdict('NO_DATA', rule);
      return judge(measure(sides, reference), rule, threshold);
    },
  };
}

const valuesOnly = (reference: ColumnReference, window: WindowCounts): Sides => ({
  reference: Float64Array.from(reference.counts),
  current: Float64Array.from(window.counts),
});

/** Both distribution functions at the edges, where counts know them exactly. */
function atEdges(sides: Sides): SharePair {
  const pair = sharesOf(sides);
  const running = (values: Float64Array): Float64Array => {
    let sum = 0;
    return values.slice(0, -1).map((v) => {
      sum += v;
      return sum;
    });
  };
  return { reference: running(pair.reference), current: running(pair.current) };
}

function binnedKs(sides: Sides): Measured {
  const statistic = linfOf(atEdges(sides));
  const [n, m] = [totalOf(sides.reference), totalOf(sides.current)];
  return { statistic, pValue: kstwoSf(statistic, Math.max(1, Math.round((n * m) / (n + m)))) };
}

/** Integral of |F - G| over the reference's range, straight between edges, in reference standard deviations. */
function binnedWasserstein(sides: Sides, { edges, standardDeviation }: NumericReference): Measured {
  const { reference, current } = atEdges(sides);
  let area = 0;
  for (let i = 0; i + 1 < edges.length; i++) {
    const left = (reference[i] ?? 0) - (current[i] ?? 0);
    const right = (reference[i + 1] ?? 0) - (current[i + 1] ?? 0);
    const width = (edges[i + 1] ?? 0) - (edges[i] ?? 0);
    // Where the difference changes its sign inside the bin, two triangles.
    const size = Math.abs(left) + Math.abs(right);
    const mean = left * right < 0 ? (left * left + right * right) / (2 * size) : size / 2;
    area += mean * width;
  }
  return { statistic: standardDeviation === null || standardDeviation === 0 ? Number.NaN : area / standardDeviation };
}

const all: readonly BinnedDriftMethod[] = [
  method('psi:binned', anyKind, distanceRule('>='), cellsWithNulls, (sides) => {
    const pair = sharesOf(sides);
    return { statistic: psiOf({ reference: floored(pair.reference), current: floored(pair.current) }) };
  }),
  method('js:binned', anyKind, distanceRule('>='), cellsWithNulls, (sides) => ({
    statistic: Math.sqrt(jsDivergence(sharesOf(sides))),
  })),
  method('linf:binned', anyKind, distanceRule('>='), cellsWithNulls, (sides) => ({
    statistic: linfOf(sharesOf(sides)),
  })),
  method('chisquare:binned', anyKind, { compares: 'pValue', decision: '<', threshold: 0.05 }, cellsWithNulls, (sides) =>
    homogeneity(sides, false),
  ),
  method('ks:binned', numericOnly, distanceRule('>='), valuesOnly, binnedKs),
  method('wasserstein:binned', numericOnly, distanceRule('>='), valuesOnly, (sides, reference) =>
    reference.kind === 'numeric' ? binnedWasserstein(sides, reference) : { statistic: Number.NaN },
  ),
];

/**
 * The methods over frozen cells. psi, js, linf and chisquare count missing values as one more cell, so a burst of nulls
 * is drift; ks and wasserstein see the present values alone.
 * - `psi:binned`: a share of 0 counts as 0.0001, not renormalised. `js:binned`: the distance (root of the divergence in
 *   nats, at most 0.8326), no smoothing. `linf:binned`: greatest difference of a share.
 * - `chisquare:binned`: homogeneity of the 2 x k table without correction; the only one whose verdict is by p-value.
 * - `ks:binned`: greatest difference of the distribution functions at the edges, a lower bound of D; judged by its
 *   size, since any difference is significant in a large window; p is the asymptotic kstwo of that bound.
 * - `wasserstein:binned`: over the reference's range, in its standard deviations; how far beyond it values lie does not
 *   count. Not computable for a constant reference.
 */
export const binnedDriftMethods: Readonly<Record<string, BinnedDriftMethod>> = Object.fromEntries(
  all.map((m) => [m.name, m]),
);

/** Drift of a window against the frozen reference; throws INVALID_INPUT for an unknown method. */
export function binnedDrift(
  name: string,
  reference: ColumnReference,
  window: WindowCounts,
  threshold?: number,
): DriftResult {
  const found = Object.hasOwn(binnedDriftMethods, name) ? binnedDriftMethods[name] : undefined;
  if (found !== undefined) return found.compute(reference, window, threshold);
  const known = Object.keys(binnedDriftMethods).join(', ');
  throw new RelearnError('INVALID_INPUT', `unknown binned drift method ${name}; known: ${known}`);
}
