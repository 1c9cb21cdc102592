import type { Task } from './spec.js';

/** What a pipeline file leaves out, in the file's own form (durations as texts). Chosen to work from a thousand rows to millions. */
export const defaults = {
  knownAfter: '0s',
  lateness: '0s',
  maxRecordBytes: 262_144,
  quarantineShare: 0.05,
  labelDelay: '0s',
  /** Where `label.known_at` says when: nothing tells how late the latest is. */
  maxDelayOfKnownAt: '30d',
  /** Where `label.delay` says when: twice the delay, and not under this, so that clocks and retries of senders do no harm. */
  leastMaxDelay: '1h',
  joinMaxAge: '1d',
  holdOut: 0.1,
  validation: 0.1,
  minimumRows: 500,
  seed: 1,
  deadline: '1h',
  championTest: 'bootstrap',
  confidence: 0.95,
  tolerance: 0,
  rounds: 1000,
  monitorWindow: '1d',
  driftMethod: 'psi:binned',
  driftShare: 0.5,
  performanceWindows: 7,
  performanceMinimumLabels: 200,
  performanceEnter: { enter: 2, of: 3 },
  driftEnter: { enter: 3, of: 5 },
  cooldown: '7d',
  minimumLabels: 200,
  budget: { turns: 6, per: '365d' },
  backOff: 2,
  rollout: {
    steps: [0.05, 0.25, 0.5],
    requests: 200,
    limit: '7d',
    judge: {
      confidence: 0.99,
      max_error_increase: 0.002,
      max_latency_ratio: 1.25,
      /** A model that has learnt of a change is meant to say something else than the one before. */
      min_agreement: null,
      quality: 0.02,
    },
  },
} as const;

/** The metric that chooses, compares and is monitored where `evaluate.metrics` is absent. */
export const defaultMetrics = {
  binary: 'roc_auc',
  multiclass: 'log_loss',
  regression: 'rmse',
} as const satisfies Record<Task, string>;

/**
 * `retrain.performance.drop` where it is absent: a score such as ROC AUC loses in its own units, an error measure such as
 * RMSE, which has the label's unit, by a share of the reference value.
 */
export const defaultDrops = { binary: 0.02, multiclass: 0.05, regression: 0.05 } as const satisfies Record<
  Task,
  number
>;

/**
 * Two boosted models, of which the smaller suits few rows, and a linear one, which suits fewer still. Beside those of all
 * rows some of the latest rows only: validation, which is later still, tells whether the past still teaches.
 */
export const defaultCandidates = {
  binary: boostedAnd('logistic'),
  multiclass: boostedAnd('logistic'),
  regression: boostedAnd('linear'),
} as const satisfies Record<Task, unknown>;

function boostedAnd(linear: string) {
  return [
    { trainer: 'boosting', parameters: { max_leaves: [31, 15] } },
    { trainer: 'boosting', parameters: { max_leaves: [15], recent: [0.3, 0.1] } },
    { trainer: linear, parameters: {} },
    { trainer: linear, parameters: { recent: [0.1] } },
  ];
}
