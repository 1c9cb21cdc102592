/** Observations of few distinct values: `counts[i]` of them were `values[i]`. */
export interface Outcomes {
  readonly values: readonly number[];
  readonly counts: readonly number[];
}

/** Shares of the greatest bet that cannot ruin, and the part of the first unit that is bet so. */
const bets: readonly (readonly [share: number, weight: number])[] = [
  [1 / 16, 0.1],
  [1 / 8, 0.1],
  [1 / 4, 0.15],
  [1 / 2, 0.15],
  [3 / 4, 0.1],
  [63 / 64, 0.4],
];

/** Evidence beyond it says no more, and JSON has no infinity. */
const most = 1e300;

/**
 * Evidence that the mean is above `limit`, for observations of at least `lowest`: an e-process. It is the wealth of a gambler
 * who begins with 1 and bets on each observation x a fixed share b of what he has, `1 + b (x - limit) / (limit - lowest)`,
 * averaged over several b. While each observation's mean, given those before it, is at most `limit`, the chance that it ever
 * reaches 1/a is at most a, however often it is looked at (Ville). It depends on the counts alone: shards merge by adding.
 *
 * Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting, JRSS B 86 (2024), sections 3 and 4.
 */
export function evidenceAbove(limit: number, lowest: number, { values, counts }: Outcomes): number {
  const greatest = 1 / (limit - lowest);
  let evidence = 0;
  for (const [share, weight] of bets) {
    let logWealth = 0;
    values.forEach((value, index) => {
      const count = counts[index] ?? 0;
      if (count > 0) logWealth += count * Math.log1p(share * greatest * (value - limit));
    });
    evidence += weight * Math.exp(logWealth);
  }
  return Math.min(most, evidence);
}
