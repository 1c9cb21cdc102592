/** OK and DRIFT are verdicts; NO_DATA (a side is empty) and NOT_COMPUTABLE are never a pass. */
export type DriftState = 'OK' | 'DRIFT' | 'NO_DATA' | 'NOT_COMPUTABLE';

export interface DriftResult {
  /** null where it has no value; may be Infinity (a category whose expected count is 0). */
  readonly statistic: number | null;
  /** Present for tests. */
  readonly pValue?: number | null;
  readonly drift: boolean;
  readonly state: DriftState;
  /** Further figures of the method, such as `raw` (before a correction) or `dof` (degrees of freedom). */
  readonly details?: Readonly<Record<string, number>>;
}

/** How the verdict follows from the threshold; the comparison differs between peers and is part of the variant. */
export interface DriftRule {
  readonly compares: 'statistic' | 'pValue';
  readonly decision: '>=' | '>' | '<=' | '<';
  /** The peer's default; null: the peer gives no verdict without a threshold. */
  readonly threshold: number | null;
}

/** The rule of a distance; the default 0.1 is what most peers use, null for those that calibrate. */
export function distanceRule(decision: '>=' | '>', threshold: number | null = 0.1): DriftRule {
  return { compares: 'statistic', decision, threshold };
}

export interface Measured {
  readonly statistic: number;
  readonly pValue?: number;
  readonly details?: Readonly<Record<string, number>>;
}

const finiteOrInfinite = (value: number): number | null => (Number.isNaN(value) ? null : value);

function exceeds(value: number, rule: DriftRule, threshold: number): boolean {
  switch (rule.decision) {
    case '>=':
      return value >= threshold;
    case '>':
      return value > threshold;
    case '<=':
      return value <= threshold;
    case '<':
      return value < threshold;
  }
}

/** The result of a measurement under a rule; a NaN makes it NOT_COMPUTABLE. */
export function judge(measured: Measured, rule: DriftRule, threshold: number | null = rule.threshold): DriftResult {
  const { statistic, pValue, details } = measured;
  const lost = Number.isNaN(statistic) || Number.isNaN(pValue ?? 0);
  const compared = rule.compares === 'pValue' ? (pValue ?? Number.NaN) : statistic;
  const drift = !lost && threshold !== null && exceeds(compared, rule, threshold);
  return {
    statistic: finiteOrInfinite(statistic),
    ...(rule.compares === 'pValue' || pValue !== undefined ? { pValue: finiteOrInfinite(pValue ?? Number.NaN) } : {}),
    drift,
    state: lost ? 'NOT_COMPUTABLE' : drift ? 'DRIFT' : 'OK',
    ...(details === undefined ? {} : { details }),
  };
}

/** The result without a verdict: a side has no usable value, or the statistic does not exist. */
export function noVerdict(
  state: 'NO_DATA' | 'NOT_COMPUTABLE',
  rule: DriftRule,
  statistic: number | null = null,
): DriftResult {
  return { statistic, ...(rule.compares === 'pValue' ? { pValue: null } : {}), drift: false, state };
}
