import { type Static, Type } from '../schema/type.js';
import { defineEvent } from '../define-event.js';
import { GradualRollout } from '../pipeline/rollout-spec.js';
import { turnFields } from './feature.js';
import { Gate } from './model.js';

const closed = { additionalProperties: false } as const;
const digest = Type.String();
const count = Type.Integer({ minimum: 0 });
const nullableNumber = Type.Union([Type.Number(), Type.Null()]);

/** The challenger of a turn's rollout. */
const ofRollout = { ...turnFields, model: Type.Integer() };

/** A passed model is tried beside the champion, from the policy's first step on. Its turn goes on until the rollout ends. */
export const rolloutStarted = defineEvent({
  name: 'rollout.started',
  version: 1,
  topic: 'control',
  data: Type.Object(
    {
      ...ofRollout,
      bundle: digest,
      reference: digest,
      champion: Type.Object({ model: Type.Integer(), bundle: digest }, closed),
      policy: GradualRollout,
      /** Id of the gate record that lets it take over, and what it measured. */
      evidence: Type.String(),
      gates: Type.Array(Gate),
    },
    closed,
  ),
});

/** The challenger answers the share of this step from here on. */
export const rolloutAdvanced = defineEvent({
  name: 'rollout.advanced',
  version: 1,
  topic: 'control',
  data: Type.Object({ ...ofRollout, step: count, share: Type.Number() }, closed),
});

export const rolloutOutcomes = ['promoted', 'rolled-back', 'superseded'] as const;
export const RolloutOutcome = Type.Enum(rolloutOutcomes);
export type RolloutOutcome = Static<typeof RolloutOutcome>;

export const rolloutEnded = defineEvent({
  name: 'rollout.ended',
  version: 1,
  topic: 'control',
  data: Type.Object({ ...ofRollout, outcome: RolloutOutcome, reasons: Type.Array(Type.String()) }, closed),
});

/** One measure of a rollout: what was compared, and how strong the evidence against the challenger is. */
export const RolloutMeasure = Type.Object(
  {
    name: Type.Enum(['errors', 'latency', 'agreement', 'quality']),
    /** Comparisons made. */
    compared: count,
    /** The figure that is judged: a difference of shares or losses, a share of slower runs, a share of rows. Null: none. */
    value: nullableNumber,
    /** What `value` may be; null: not judged. */
    limit: nullableNumber,
    /** The e-value: how many times less likely than fair odds this is where the challenger keeps the limit. */
    evidence: nullableNumber,
  },
  closed,
);
export type RolloutMeasure = Static<typeof RolloutMeasure>;

/** What monitoring concludes of a rollout's step; while it concludes nothing, there is no event. */
export const rolloutJudged = defineEvent({
  name: 'rollout.judged',
  version: 1,
  topic: 'control',
  data: Type.Object(
    {
      ...ofRollout,
      step: count,
      verdict: Type.Enum(['advance', 'promote', 'rollback']),
      reasons: Type.Array(Type.String()),
      /** Requests that the step, and the rollout as a whole, have been judged on, and rows that both models scored. */
      requests: count,
      totalRequests: count,
      rows: count,
      measures: Type.Array(RolloutMeasure),
      /** Mean of the judged measures' e-values, and where the challenger is rolled back. */
      evidence: Type.Number(),
      threshold: Type.Number(),
    },
    closed,
  ),
});

/** Pairs of observations of both arms, by which side was the better. */
const Pairs = Type.Object({ worse: count, same: count, better: count }, closed);
const ArmFigures = Type.Object({ requests: count, failures: count, computeMs: Type.Number({ minimum: 0 }) }, closed);

/** What a shard's predictions say of a rollout, from its first to the last that is covered: each event replaces the one before. */
export const RolloutCounts = Type.Object(
  {
    /** Requests that the challenger answered or mirrored. */
    requests: count,
    /** Rows of the stream that both arms were asked for. */
    rows: count,
    errors: Pairs,
    /** `worse`: the challenger took longer than the limit. */
    latency: Pairs,
    agreement: Type.Object({ compared: count, agreed: count }, closed),
    champion: ArmFigures,
    challenger: ArmFigures,
  },
  closed,
);
export type RolloutCounts = Static<typeof RolloutCounts>;

export const rolloutObserved = defineEvent({
  name: 'rollout.observed',
  version: 1,
  topic: 'monitoring',
  data: Type.Object({ model: Type.Integer(), shard: Type.Integer(), counts: RolloutCounts }, closed),
});

/** Nothing moves the champion alias until it is unpinned: turns register models and promote none. */
export const modelPinned = defineEvent({
  name: 'model.pinned',
  version: 1,
  topic: 'control',
  data: Type.Object({ model: Type.Integer(), reason: Type.String() }, closed),
});

export const modelUnpinned = defineEvent({
  name: 'model.unpinned',
  version: 1,
  topic: 'control',
  data: Type.Object({ model: Type.Integer(), reason: Type.String() }, closed),
});
