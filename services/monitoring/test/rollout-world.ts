import type {
  DataOf,
  GradualRollout,
  JudgeSpec,
  PipelineSpec,
  predictionLogged,
  RolloutCounts,
} from '@relearn/contracts';
import { conclude, type Conclusion, type Judging } from '../src/domain/rollout/judge.js';
import { RolloutWatch } from '../src/domain/rollout/watch.js';

export type Logged = DataOf<typeof predictionLogged>;
export const model = 2;

export const judge: JudgeSpec = {
  confidence: 0.99,
  max_error_increase: 0.002,
  max_latency_ratio: 1.25,
  min_agreement: 0.9,
  quality: 0.02,
};

export function policy(change: Partial<GradualRollout> = {}): GradualRollout {
  return { strategy: 'canary', steps: [0.5], requests: 1_000_000, judge, limit: 86_400_000, ...change };
}

/** As much of a spec as the watch looks at. */
export function specOf(rollout: GradualRollout, task: 'binary' | 'regression' = 'binary'): PipelineSpec {
  return { rollout, train: { task } } as PipelineSpec;
}

/** How one arm fares with one request. */
export interface Fate {
  readonly fails: boolean;
  readonly computeMs: number;
  readonly probability: number;
}

const base = { ids: [null], times: [0], at: [1], inputs: {}, watermark: null, rollout: model };

export function request(arm: 'champion' | 'challenger', { fails, computeMs, probability }: Fate): Logged {
  const number = arm === 'champion' ? 1 : model;
  const failure = fails ? { failure: { arm, model: number, code: 'INTERNAL' } } : {};
  return {
    ...base,
    kind: 'request',
    arms: fails ? [] : [{ arm, model: number, outputs: { probability: [probability] } }],
    request: { id: '', computeMs, totalMs: computeMs, ...failure },
  };
}

/** The other arm's run of a request that `answered` has answered. */
export function mirror(answered: 'champion' | 'challenger', champion: Fate, challenger: Fate): Logged {
  const [first, other] = answered === 'champion' ? [champion, challenger] : [challenger, champion];
  const said = (arm: 'champion' | 'challenger', { probability }: Fate) => ({
    arm,
    model: arm === 'champion' ? 1 : model,
    outputs: { probability: [probability] },
  });
  return {
    ...base,
    kind: 'mirror',
    arms: other.fails ? [] : [said('champion', champion), said('challenger', challenger)],
    request: {
      id: '',
      computeMs: other.computeMs,
      totalMs: other.computeMs,
      answered: { arm: answered, computeMs: first.computeMs },
    },
  };
}

/** A watch and the judge behind it. */
export class Trial {
  readonly watch: RolloutWatch;
  private readonly policy: GradualRollout;
  private counts: RolloutCounts | null = null;
  losses: Judging['losses'] = { levels: [], counts: [] };

  constructor(rollout: GradualRollout, task: 'binary' | 'regression' = 'binary') {
    this.policy = rollout;
    this.watch = new RolloutWatch(specOf(rollout, task), model);
  }

  /** The verdict, where the event gives reason to ask for one. */
  take(data: Logged, now = 0): Conclusion | null {
    this.watch.take(data, 0);
    const news = this.watch.news();
    if (news === null) return null;
    this.counts = news;
    return this.verdict(now);
  }

  verdict(now = 0, change: Partial<Judging> = {}): Conclusion | null {
    const observed = this.counts === null ? {} : { '0': this.counts };
    const ids = { turn: 't', request: 'r', model };
    const { policy, losses } = this;
    const start = { since: 0, now, cause: { id: 'e' }, step: 0, before: 0, given: false };
    return conclude({ ...ids, ...start, policy, observed, losses, ...change });
  }
}
