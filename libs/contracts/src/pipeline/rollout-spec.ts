import { type Schema, type Static, Type } from '../schema/type.js';

const closed = { additionalProperties: false } as const;
const orOff = <T extends Schema>(limit: T) => Type.Union([limit, Type.Null()]);

/** What the judge of a rollout looks for. Null: not judged. */
export const JudgeSpec = Type.Object(
  {
    /** With which a challenger within the limits is left alone, over the whole rollout. */
    confidence: Type.Number({ exclusiveMinimum: 0.5, exclusiveMaximum: 1 }),
    /** By how much the share of failed requests may be above the champion's. */
    max_error_increase: orOff(Type.Number({ minimum: 0, exclusiveMaximum: 1 })),
    /** How many times as long as the champion's a run may take, in half of the comparisons. */
    max_latency_ratio: orOff(Type.Number({ minimum: 1 })),
    /** Least share of rows on which both models say the same. */
    min_agreement: orOff(Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 })),
    /** By how much the mean loss on labelled rows may be above the champion's. */
    quality: orOff(Type.Number({ minimum: 0, exclusiveMaximum: 1 })),
  },
  closed,
);
export type JudgeSpec = Static<typeof JudgeSpec>;

/** A passed model is tried beside the champion before it takes over. */
export const GradualRollout = Type.Object(
  {
    strategy: Type.Union([Type.Literal('shadow'), Type.Literal('canary')]),
    /** Shares of the requests that the challenger answers, one a step; a shadow has one step of none. */
    steps: Type.Array(Type.Number({ minimum: 0, maximum: 0.5 }), { minItems: 1 }),
    /** Requests that a step must have been judged on. */
    requests: Type.Integer({ minimum: 1 }),
    /** The input column by which requests stick to a model. */
    key: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
    judge: JudgeSpec,
    /** Business time after which it ends by what has been seen. */
    limit: Type.Number({ exclusiveMinimum: 0 }),
  },
  closed,
);
export type GradualRollout = Static<typeof GradualRollout>;

export const RolloutSpec = Type.Union([Type.Object({ strategy: Type.Literal('direct') }, closed), GradualRollout]);
export type RolloutSpec = Static<typeof RolloutSpec>;
