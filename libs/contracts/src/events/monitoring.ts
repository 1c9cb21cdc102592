import { type Static, Type } from '../schema/type.js';
import { defineEvent } from '../define-event.js';
import { Columns } from '../rows.js';
import { Cause } from './model.js';

const closed = { additionalProperties: false } as const;
const nullableNumber = Type.Union([Type.Number(), Type.Null()]);

const answering = [Type.Literal('champion'), Type.Literal('challenger')] as const;

const ArmName = Type.Union([...answering, Type.Literal('frozen')]);

/**
 * What one model said to a batch of rows. `champion` answers; `challenger` is a model that is rolled out and may answer;
 * `frozen` is the first promoted model, scored for comparison only.
 */
export const Arm = Type.Object(
  {
    arm: ArmName,
    model: Type.Integer(),
    outputs: Columns,
  },
  closed,
);
export type Arm = Static<typeof Arm>;
export const AnsweringArm = Type.Union([...answering]);
export type AnsweringArm = Static<typeof AnsweringArm>;

export const predictionLogged = defineEvent({
  name: 'prediction.logged',
  version: 1,
  topic: 'predictions',
  data: Type.Object(
    {
      /** `mirror`: the inputs of a request that one arm has answered, run by the other too while a model is rolled out. */
      kind: Type.Union([Type.Literal('stream'), Type.Literal('request'), Type.Literal('mirror')]),
      /** The raw event's id of each row, by which labels join; null: never joined. */
      ids: Type.Array(Type.Union([Type.String(), Type.Null()])),
      times: Type.Array(Type.Number()),
      /** Addresses in `features` of stream rows; empty for requests. */
      at: Type.Array(Type.Number()),
      inputs: Columns,
      arms: Type.Array(Arm),
      watermark: nullableNumber,
      request: Type.Optional(
        Type.Object(
          {
            id: Type.String(),
            /** Of the run. */
            computeMs: Type.Number(),
            totalMs: Type.Number(),
            /** The arm that failed to answer, and with what; there are no outputs then. */
            failure: Type.Optional(
              Type.Object({ arm: AnsweringArm, model: Type.Integer(), code: Type.String() }, closed),
            ),
            /** Of a mirror: the arm that answered, and how long its run took. */
            answered: Type.Optional(Type.Object({ arm: AnsweringArm, computeMs: Type.Number() }, closed)),
          },
          closed,
        ),
      ),
      /** Of an event with the rows of several requests: theirs in order, and how many rows each has. */
      requests: Type.Optional(
        Type.Object(
          {
            ids: Type.Array(Type.String()),
            rows: Type.Array(Type.Integer()),
            computeMs: Type.Array(Type.Number()),
            totalMs: Type.Array(Type.Number()),
          },
          closed,
        ),
      ),
      /** The model that was being rolled out and on which these rows tell; absent: on none. */
      rollout: Type.Optional(Type.Integer()),
    },
    closed,
  ),
});

const window = { start: Type.Number(), end: Type.Number() };

/** Opaque to all but libs/stats: counts on edges frozen from the model's reference. */
const Counts = Type.Unknown();

/**
 * One window of one shard, complete. `inputs`: its rows have all come; `outcomes`: its labels have all come or are overdue.
 * Counts merge exactly over shards and windows.
 */
export const windowProfiled = defineEvent({
  name: 'window.profiled',
  version: 1,
  topic: 'monitoring',
  data: Type.Object(
    {
      ...window,
      part: Type.Union([Type.Literal('inputs'), Type.Literal('outcomes')]),
      shard: Type.Integer(),
      rows: Type.Integer(),
      predictions: Type.Integer(),
      /** Labels that joined a row of the window (`outcomes`; 0 with `inputs`, where more may come). */
      labelled: Type.Integer(),
      /** Labels known in the shard so far, whatever their window. */
      labelledTotal: Type.Integer(),
      /** Address in `data.valid` up to which the shard's fold had read. */
      read: Type.Number(),
      models: Type.Array(
        Type.Object(
          {
            arm: ArmName,
            model: Type.Integer(),
            counts: Type.Optional(Counts),
            scores: Type.Optional(Counts),
          },
          closed,
        ),
      ),
      /** Of `outcomes`: labelled rows that champion and challenger had both scored, by the difference of their losses. */
      losses: Type.Optional(Type.Object({ model: Type.Integer(), counts: Counts }, closed)),
    },
    closed,
  ),
});

const DriftState = Type.Union([
  Type.Literal('OK'),
  Type.Literal('DRIFT'),
  Type.Literal('NO_DATA'),
  Type.Literal('NOT_COMPUTABLE'),
]);

export const FeatureDrift = Type.Object(
  {
    feature: Type.String(),
    method: Type.String(),
    statistic: nullableNumber,
    threshold: nullableNumber,
    state: DriftState,
  },
  closed,
);
export type FeatureDrift = Static<typeof FeatureDrift>;

export const driftReported = defineEvent({
  name: 'drift.reported',
  version: 1,
  topic: 'monitoring',
  data: Type.Object(
    {
      ...window,
      model: Type.Integer(),
      rows: Type.Integer(),
      state: DriftState,
      share: nullableNumber,
      features: Type.Array(FeatureDrift),
    },
    closed,
  ),
});

export const performanceReported = defineEvent({
  name: 'performance.reported',
  version: 1,
  topic: 'monitoring',
  data: Type.Object(
    {
      ...window,
      metric: Type.String(),
      model: Type.Integer(),
      value: nullableNumber,
      frozen: nullableNumber,
      /** The quality of the last windows together, which the trigger compares with `reference`. */
      trailing: nullableNumber,
      reference: nullableNumber,
      labelled: Type.Integer(),
      predictions: Type.Integer(),
      state: DriftState,
    },
    closed,
  ),
});

/** An alarm began: hysteresis has been passed. One incident, whether or not a retrain follows. */
export const driftDetected = defineEvent({
  name: 'drift.detected',
  version: 1,
  topic: 'monitoring',
  data: Type.Object(
    { kind: Type.Union([Type.Literal('drift'), Type.Literal('performance')]), causes: Type.Array(Cause) },
    closed,
  ),
});
