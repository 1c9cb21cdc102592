import { type Static, Type } from '../schema/type.js';
import { defineEvent } from '../define-event.js';
import { PipelineSpec, Scalar } from '../pipeline/spec.js';
import { Cut, turnFields } from './feature.js';

const closed = { additionalProperties: false } as const;
const digest = Type.String();
const numbers = Type.Record(Type.String(), Type.Union([Type.Number(), Type.Null()]));

export const retrainReasons = ['first', 'performance', 'drift', 'volume', 'schedule', 'manual', 'pipeline'] as const;
export const RetrainReason = Type.Enum(retrainReasons);
export type RetrainReason = Static<typeof RetrainReason>;

export const Cause = Type.Object(
  {
    feature: Type.Optional(Type.String()),
    method: Type.String(),
    statistic: Type.Union([Type.Number(), Type.Null()]),
    threshold: Type.Union([Type.Number(), Type.Null()]),
    start: Type.Number(),
    end: Type.Number(),
  },
  closed,
);
export type Cause = Static<typeof Cause>;

export const retrainRequested = defineEvent({
  name: 'retrain.requested',
  version: 1,
  topic: 'control',
  data: Type.Object(
    { request: Type.String(), reason: RetrainReason, causes: Type.Array(Cause), cut: Cut, labelled: Type.Integer() },
    closed,
  ),
});

export const pipelineApplied = defineEvent({
  name: 'pipeline.applied',
  version: 1,
  topic: 'control',
  data: Type.Object({ spec: PipelineSpec, digest, shards: Type.Array(Type.Integer()) }, closed),
});

export const turnStarted = defineEvent({
  name: 'turn.started',
  version: 1,
  topic: 'control',
  data: Type.Object(
    {
      ...turnFields,
      reason: RetrainReason,
      cut: Cut,
      seed: Type.Integer(),
      /** Bundle digest of the champion when the turn began. */
      champion: Type.Union([digest, Type.Null()]),
    },
    closed,
  ),
});

export const outcomes = ['promoted', 'no-model', 'failed', 'superseded'] as const;
export const Outcome = Type.Enum(outcomes);
export type Outcome = Static<typeof Outcome>;

/** The end of a turn, exactly one for each `retrain.requested`; `turn` is null for a request that never became one. */
export const pipelineEnded = defineEvent({
  name: 'pipeline.ended',
  version: 1,
  topic: 'control',
  data: Type.Object(
    {
      turn: Type.Union([Type.String(), Type.Null()]),
      request: Type.String(),
      requestReason: RetrainReason,
      outcome: Outcome,
      detail: Type.String(),
    },
    closed,
  ),
});

export const trainingStarted = defineEvent({
  name: 'training.started',
  version: 1,
  topic: 'control',
  data: Type.Object({ ...turnFields, run: Type.String() }, closed),
});

export const TrainedCandidate = Type.Object(
  {
    name: Type.String(),
    trainer: Type.String(),
    parameters: Type.Record(Type.String(), Scalar),
    /** Digest of the candidate blob folder's manifest; null when it failed. */
    candidate: Type.Union([digest, Type.Null()]),
    /** SHA-256 of model.onnx. */
    model: Type.Union([digest, Type.Null()]),
    metrics: numbers,
    failure: Type.Union([Type.String(), Type.Null()]),
  },
  closed,
);
export type TrainedCandidate = Static<typeof TrainedCandidate>;

export const modelTrained = defineEvent({
  name: 'model.trained',
  version: 1,
  topic: 'control',
  data: Type.Object({ ...turnFields, run: Type.String(), candidate: TrainedCandidate }, closed),
});

export const trainingCompleted = defineEvent({
  name: 'training.completed',
  version: 1,
  topic: 'control',
  data: Type.Object(
    {
      ...turnFields,
      run: Type.String(),
      manifest: digest,
      dataHash: Type.String(),
      champion: Type.Union([digest, Type.Null()]),
      candidates: Type.Array(TrainedCandidate),
      /** Name of the candidate with the best validation metric; null when all failed. */
      winner: Type.Union([Type.String(), Type.Null()]),
    },
    closed,
  ),
});

export const verdicts = ['passed', 'rejected', 'inconclusive'] as const;
export const Gate = Type.Object(
  {
    name: Type.String(),
    verdict: Type.Enum(verdicts),
    value: Type.Union([Type.Number(), Type.Null()]),
    threshold: Type.Union([Type.Number(), Type.Null()]),
    detail: Type.String(),
  },
  closed,
);
export type Gate = Static<typeof Gate>;

/** The gate record: evidence for one bundle, made against the champion then in place under one pipeline version. */
export const modelEvaluated = defineEvent({
  name: 'model.evaluated',
  version: 1,
  topic: 'control',
  data: Type.Object(
    {
      ...turnFields,
      verdict: Type.Enum(verdicts),
      /** Digest of the bundle; null when nothing could be evaluated. */
      bundle: Type.Union([digest, Type.Null()]),
      /** Digest of the bundle's reference.json. */
      reference: Type.Union([digest, Type.Null()]),
      champion: Type.Union([digest, Type.Null()]),
      gates: Type.Array(Gate),
      /** Hold-out metrics of the candidate and of the champion on the same rows. */
      metrics: numbers,
      championMetrics: Type.Union([numbers, Type.Null()]),
      rows: Type.Integer(),
      /** The champion cannot take these rows, since it knows other features: `championMetrics` are those of its own evaluation. */
      incomparable: Type.Optional(Type.Literal(true)),
    },
    closed,
  ),
});

/** What was found of a file before it became a model: it was loaded and it answered. Who and when are the event's own. */
export const ManualRecord = Type.Object(
  {
    /** SHA-256 of the ONNX file, and its size. */
    onnx: digest,
    bytes: Type.Integer({ minimum: 1 }),
    /** Version of the ONNX Runtime that loaded and asked it. */
    runtime: Type.String(),
  },
  closed,
);
export type ManualRecord = Static<typeof ManualRecord>;

/** A version of a pipeline's model, made in a turn; or, with a `manual` record and no turn, of a model that no pipeline owns. */
export const modelRegistered = defineEvent({
  name: 'model.registered',
  version: 1,
  topic: 'control',
  data: Type.Object(
    {
      turn: Type.Optional(turnFields.turn),
      request: Type.Optional(turnFields.request),
      manual: Type.Optional(ManualRecord),
      model: Type.Integer(),
      bundle: digest,
      verdict: Type.Enum(verdicts),
      metrics: numbers,
    },
    closed,
  ),
});

/** `manual`: the record with which this very version was registered. */
const Evidence = Type.Union([
  Type.Object(
    { kind: Type.Union([Type.Literal('evaluation'), Type.Literal('promotion')]), event: Type.String() },
    closed,
  ),
  Type.Object({ kind: Type.Literal('manual') }, closed),
]);

const move = {
  model: Type.Integer(),
  bundle: digest,
  /** Digest of the bundle's reference.json: what monitoring compares with from here on. Absent: nobody watches the model. */
  reference: Type.Optional(digest),
  /** The champion before: alias moves form one chain. */
  from: Type.Union([Type.Object({ model: Type.Integer(), bundle: digest }, closed), Type.Null()]),
  /** The gate record or, for a rollback, the former promotion that allows the move. */
  evidence: Evidence,
  frozen: Type.Union([Type.Object({ model: Type.Integer(), bundle: digest }, closed), Type.Null()]),
};
export const modelPromoted = defineEvent({
  name: 'model.promoted',
  version: 1,
  topic: 'control',
  data: Type.Object({ turn: Type.Union([Type.String(), Type.Null()]), ...move, gates: Type.Array(Gate) }, closed),
});

export const modelRolledBack = defineEvent({
  name: 'model.rolled-back',
  version: 1,
  topic: 'control',
  data: Type.Object({ ...move, reason: Type.String() }, closed),
});

export const modelDeployed = defineEvent({
  name: 'model.deployed',
  version: 1,
  topic: 'control',
  data: Type.Object(
    { model: Type.Integer(), bundle: digest, instance: Type.String(), promotion: Type.String() },
    closed,
  ),
});

export const timerFired = defineEvent({
  name: 'timer.fired',
  version: 1,
  topic: 'control',
  data: Type.Object({ timer: Type.String(), aggregate: Type.String() }, closed),
});
