import type { DataOf, GradualRollout, RolloutCounts, rolloutJudged, RolloutMeasure } from '@relearn/contracts';
import type { EventRef } from '@relearn/runtime';
import { evidenceAbove, type LossCounts, lossLevels } from '@relearn/stats';

/** What is known of the rollout that is under way. */
export interface Judging {
  readonly turn: string;
  readonly request: string;
  readonly model: number;
  readonly policy: GradualRollout;
  /** Business times, ms: when it began, and of the latest event. */
  readonly since: number;
  readonly now: number;
  /** The latest event that tells on it. */
  readonly cause: EventRef;
  readonly step: number;
  /** Requests that it had been judged on when the step began. */
  readonly before: number;
  /** By shard: the latest counts. */
  readonly observed: Readonly<Record<string, RolloutCounts>>;
  readonly losses: LossCounts;
  /** A verdict on the step has been given. */
  readonly given: boolean;
}

/** A verdict, and what it stands on. */
export type Conclusion = Omit<DataOf<typeof rolloutJudged>, 'turn' | 'request' | 'model' | 'step'>;

/**
 * What follows from what has been seen; null: nothing yet.
 *
 * Each measure is an e-process, and so is their mean. A challenger that keeps every limit is rolled back with a chance of at
 * most 1 - confidence over the whole rollout, however often this is asked (Vovk and Wang, E-values: calibration, combination
 * and applications, Annals of Statistics 49 (2021): the mean of e-values is one, whatever their dependence).
 */
export function conclude(judging: Judging): Conclusion | null {
  if (judging.given) return null;
  const { policy, step, before } = judging;
  const counts = Object.values(judging.observed);
  const sum = (of: (shard: RolloutCounts) => number) => counts.reduce((total, shard) => total + of(shard), 0);
  const measures = measuresOf(judging, sum);
  const judged = measures.flatMap(({ limit, evidence }) => (limit === null || evidence === null ? [] : [evidence]));
  const evidence = judged.length === 0 ? 0 : judged.reduce((total, one) => total + one, 0) / judged.length;
  const threshold = 1 / (1 - policy.judge.confidence);
  const [totalRequests, rows] = [sum(({ requests }) => requests), sum((shard) => shard.rows)];
  const requests = totalRequests - before;
  const told = { requests, totalRequests, rows, measures, evidence, threshold };
  if (evidence >= threshold) return { verdict: 'rollback', reasons: against(measures, threshold), ...told };
  if (requests >= policy.requests) {
    const last = step + 1 >= policy.steps.length;
    const reasons = [`${requests} requests and nothing against it`];
    return { verdict: last ? 'promote' : 'advance', reasons, ...told };
  }
  if (judging.now - judging.since < policy.limit) return null;
  const seen = totalRequests + rows;
  return seen >= policy.requests
    ? { verdict: 'promote', reasons: [`its time is over, ${seen} requests and rows and nothing against it`], ...told }
    : {
        verdict: 'rollback',
        reasons: [`its time is over with ${seen} of ${policy.requests} requests or rows`],
        ...told,
      };
}

/** Half of the comparisons: of two models that are as fast, either is the slower one as often. */
const evenOdds = 0.5;

function measuresOf({ policy, losses }: Judging, sum: (of: (shard: RolloutCounts) => number) => number) {
  const { judge } = policy;
  const pairs = (measure: 'errors' | 'latency') =>
    [
      sum((shard) => shard[measure].worse),
      sum((shard) => shard[measure].same),
      sum((shard) => shard[measure].better),
    ] as const;
  const [worse, same, better] = pairs('errors');
  const [slower, ...others] = pairs('latency');
  const faster = others[0] + others[1];
  const [compared, agreed] = [sum(({ agreement }) => agreement.compared), sum(({ agreement }) => agreement.agreed)];
  const differences = losses.levels.map((level) => level / lossLevels);
  const labelled = losses.counts.reduce((total, count) => total + count, 0);
  const lost = losses.counts.reduce((total, count, index) => total + count * (differences[index] ?? 0), 0);
  const allowed = judge.min_agreement === null ? null : 1 - judge.min_agreement;
  const slow = judge.max_latency_ratio === null ? null : evenOdds;
  return [
    measure('errors', worse + same + better, worse - better, judge.max_error_increase, {
      lowest: -1,
      values: [1, 0, -1],
      counts: [worse, same, better],
    }),
    measure('latency', slower + faster, slower, slow, { lowest: 0, values: [1, 0], counts: [slower, faster] }),
    measure('agreement', compared, compared - agreed, allowed, {
      lowest: 0,
      values: [1, 0],
      counts: [compared - agreed, agreed],
    }),
    measure('quality', labelled, lost, judge.quality, { lowest: -1, values: differences, counts: losses.counts }),
  ];
}

interface Seen {
  readonly lowest: number;
  readonly values: readonly number[];
  readonly counts: readonly number[];
}

/** `bad`: the sum of what speaks against the challenger; `limit`: what its mean may be. */
function measure(
  name: RolloutMeasure['name'],
  compared: number,
  bad: number,
  limit: number | null,
  { lowest, ...outcomes }: Seen,
): RolloutMeasure {
  const evidence = limit === null ? null : evidenceAbove(limit, lowest, outcomes);
  return { name, compared, value: compared === 0 ? null : bad / compared, limit, evidence };
}

const says: Readonly<Record<RolloutMeasure['name'], string>> = {
  errors: 'more of its requests failed',
  latency: 'its runs took too long',
  agreement: 'it said something else than the champion',
  quality: 'its answers were further from the labels',
};

/** The measures that speak against it, the strongest first. */
function against(measures: readonly RolloutMeasure[], threshold: number): string[] {
  const strongest = Math.max(...measures.map(({ evidence }) => evidence ?? 0));
  return measures
    .filter(({ evidence }) => evidence !== null && evidence >= Math.min(strongest, threshold))
    .sort((a, b) => (b.evidence ?? 0) - (a.evidence ?? 0))
    .map(({ name, compared, value, limit }) => {
      const [is, may] = [value, limit].map((figure) => Number((figure ?? 0).toPrecision(3)));
      return `${name}: ${says[name]} (${is} of ${compared} comparisons, allowed ${may})`;
    });
}
