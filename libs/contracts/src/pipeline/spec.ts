import { type Static, Type } from '../schema/type.js';
import { RolloutSpec } from './rollout-spec.js';

/**
 * The pipeline as every service reads it: what a pipeline file says, with each default filled in.
 * Durations are milliseconds. Carried whole by `pipeline.applied`.
 */

const closed = { additionalProperties: false } as const;
const name = Type.String({ pattern: '^[a-z][a-z0-9_-]{0,62}$' });
const columnName = Type.String({ minLength: 1, maxLength: 128 });
const durationMs = Type.Number({ minimum: 0 });

export const columnTypes = ['number', 'integer', 'boolean', 'category', 'string', 'timestamp'] as const;

export const ColumnSpec = Type.Object(
  {
    type: Type.Enum(columnTypes),
    unit: Type.Optional(Type.String()),
    nullable: Type.Boolean(),
    /** Inclusive bounds; for timestamps ISO texts are not bounded. */
    range: Type.Optional(
      Type.Tuple([Type.Union([Type.Number(), Type.Null()]), Type.Union([Type.Number(), Type.Null()])]),
    ),
    values: Type.Optional(Type.Array(Type.String())),
    pattern: Type.Optional(Type.String()),
    /** `label`: known only when the label is; such a column reaches features through labels alone. */
    known_at: Type.Optional(Type.Literal('label')),
  },
  closed,
);
export type ColumnSpec = Static<typeof ColumnSpec>;
export const ColumnSpecs = Type.Record(columnName, ColumnSpec);

export const RowSource = Type.Object(
  { files: Type.Array(Type.String()), time: columnName, id: Type.Array(columnName) },
  closed,
);
export const ContextSource = Type.Object(
  {
    files: Type.Array(Type.String()),
    time: columnName,
    id: Type.Array(columnName),
    /** A record is known this long after its event time, or at the time in `known_at`. */
    known_after: durationMs,
    known_at: Type.Optional(columnName),
  },
  closed,
);
export type ContextSource = Static<typeof ContextSource>;

export const aggregates = ['count', 'sum', 'mean', 'min', 'max', 'std', 'distinct', 'last', 'rate'] as const;

const featureName = Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]{0,127}$' });
const valueType = Type.Union([Type.Literal('number'), Type.Literal('category')]);
export const FeatureSpec = Type.Union([
  /** A column of the row as it is. */
  Type.Object({ name: featureName, type: valueType, column: columnName }, closed),
  /** An expression over the row's columns. */
  Type.Object({ name: featureName, type: valueType, expression: Type.String() }, closed),
  /** An aggregate over the earlier rows (or over labels as they became known) with the same key, in the window before the row. */
  Type.Object(
    {
      name: featureName,
      type: valueType,
      aggregate: Type.Enum(aggregates),
      /** `label`, or a column of the rows; absent for `count` and `rate`, which count rows. */
      of: Type.Optional(columnName),
      by: Type.Array(columnName),
      window: durationMs,
    },
    closed,
  ),
  /** The value of a column `lag` rows earlier with the same key. */
  Type.Object(
    {
      name: featureName,
      type: valueType,
      lag: Type.Integer({ minimum: 1, maximum: 1000 }),
      of: columnName,
      by: Type.Array(columnName),
    },
    closed,
  ),
  /** The latest record of a context stream that was known at the row's time and is not older than `max_age`. */
  Type.Object(
    {
      name: featureName,
      type: valueType,
      join: name,
      column: columnName,
      /** Row column to context column. */
      on: Type.Record(columnName, columnName),
      max_age: durationMs,
    },
    closed,
  ),
]);
export type FeatureSpec = Static<typeof FeatureSpec>;

export const tasks = ['binary', 'multiclass', 'regression'] as const;
export const Task = Type.Enum(tasks);
export type Task = Static<typeof Task>;

export const LabelSpec = Type.Object(
  {
    /** The label's column, or an expression over columns known with it. */
    column: Type.Optional(columnName),
    expression: Type.Optional(Type.String()),
    /** Column that says when the label becomes known (null: never), or a delay after the row's event time. */
    known_at: Type.Optional(columnName),
    delay: durationMs,
    /** A label that is not known by then after its row counts as missing. */
    max_delay: durationMs,
    /**
     * Class labels in order (the second of two is the positive class); empty for regression. Booleans are 0 and 1, numbers
     * stand in their shortest form.
     */
    classes: Type.Array(Type.String()),
  },
  closed,
);
export type LabelSpec = Static<typeof LabelSpec>;

export const Scalar = Type.Union([Type.Number(), Type.String(), Type.Boolean()]);
export const CandidateSpec = Type.Object(
  { name: Type.String(), trainer: Type.String(), parameters: Type.Record(Type.String(), Scalar) },
  closed,
);
export type CandidateSpec = Static<typeof CandidateSpec>;

export const TrainSpec = Type.Object(
  {
    task: Task,
    /** Only rows of this span before the latest row are trained on, and no fewer than minimum_rows; null: all. */
    window: Type.Union([durationMs, Type.Null()]),
    hold_out: Type.Number({ exclusiveMinimum: 0, maximum: 0.5 }),
    validation: Type.Number({ exclusiveMinimum: 0, maximum: 0.5 }),
    minimum_rows: Type.Integer({ minimum: 10 }),
    seed: Type.Integer({ minimum: 0 }),
    /** Machine time for one turn of the loop. */
    deadline: durationMs,
    candidates: Type.Array(CandidateSpec, { minItems: 1, maxItems: 64 }),
  },
  closed,
);
export type TrainSpec = Static<typeof TrainSpec>;

export const EvaluateSpec = Type.Object(
  {
    /** The first one is the pipeline's metric: it chooses among candidates, is compared and is monitored. */
    metrics: Type.Array(
      Type.Object(
        { name: Type.String(), minimum: Type.Optional(Type.Number()), maximum: Type.Optional(Type.Number()) },
        closed,
      ),
      { minItems: 1 },
    ),
    champion: Type.Object(
      {
        test: Type.Union([Type.Literal('bootstrap'), Type.Literal('mcnemar')]),
        confidence: Type.Number({ exclusiveMinimum: 0.5, exclusiveMaximum: 1 }),
        /** How much worse than the champion still passes (0: must be better with the confidence). */
        tolerance: Type.Number({ minimum: 0 }),
        rounds: Type.Integer({ minimum: 100, maximum: 100_000 }),
      },
      closed,
    ),
    max_bytes: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
    max_latency_ms: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
  },
  closed,
);
export type EvaluateSpec = Static<typeof EvaluateSpec>;

export const MonitorSpec = Type.Object(
  {
    window: durationMs,
    drift: Type.Object(
      {
        number: Type.String(),
        category: Type.String(),
        /** Statistic above which a feature's window counts as drifted; absent: calibrated on blocks of the reference. */
        threshold: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
        /** Share of drifted features from which on the window as a whole has drifted. */
        share: Type.Number({ exclusiveMinimum: 0, maximum: 1 }),
      },
      closed,
    ),
    performance: Type.Object(
      {
        /** The quality of the last so many windows together is compared. */
        windows: Type.Integer({ minimum: 1, maximum: 1000 }),
        minimum_labels: Type.Integer({ minimum: 1 }),
      },
      closed,
    ),
  },
  closed,
);
export type MonitorSpec = Static<typeof MonitorSpec>;

const hysteresis = { enter: Type.Integer({ minimum: 1 }), of: Type.Integer({ minimum: 1 }) };
export const RetrainSpec = Type.Object(
  {
    performance: Type.Union([
      /** `drop` below the reference: in the metric's units for a score, as a share of the reference for an error measure. */
      Type.Object({ drop: Type.Number({ exclusiveMinimum: 0 }), ...hysteresis }, closed),
      Type.Null(),
    ]),
    drift: Type.Union([Type.Object(hysteresis, closed), Type.Null()]),
    volume: Type.Union([Type.Object({ labels: Type.Integer({ minimum: 1 }) }, closed), Type.Null()]),
    schedule: Type.Union([Type.Object({ every: durationMs }, closed), Type.Null()]),
    cooldown: durationMs,
    minimum_labels: Type.Integer({ minimum: 0 }),
    budget: Type.Object({ turns: Type.Integer({ minimum: 1 }), per: durationMs }, closed),
    /** The cooldown is multiplied by this for each rejected retrain in a row. */
    back_off: Type.Number({ minimum: 1 }),
  },
  closed,
);
export type RetrainSpec = Static<typeof RetrainSpec>;

export const PipelineSpec = Type.Object(
  {
    name,
    description: Type.String(),
    entity: Type.Array(columnName),
    source: Type.Object(
      {
        rows: RowSource,
        context: Type.Record(name, ContextSource),
        lateness: durationMs,
        shard_by: Type.Optional(columnName),
        max_record_bytes: Type.Integer({ minimum: 1024 }),
      },
      closed,
    ),
    schema: Type.Object(
      {
        columns: ColumnSpecs,
        context: Type.Record(name, ColumnSpecs),
        /** Expectations on each window: breaking one stops training, never serving. */
        window: Type.Object(
          {
            every: durationMs,
            rows: Type.Optional(
              Type.Tuple([Type.Union([Type.Number(), Type.Null()]), Type.Union([Type.Number(), Type.Null()])]),
            ),
            null_share: Type.Record(columnName, Type.Number({ minimum: 0, maximum: 1 })),
            quarantine_share: Type.Number({ minimum: 0, maximum: 1 }),
          },
          closed,
        ),
      },
      closed,
    ),
    label: LabelSpec,
    features: Type.Array(FeatureSpec, { minItems: 1 }),
    train: TrainSpec,
    evaluate: EvaluateSpec,
    rollout: RolloutSpec,
    monitor: MonitorSpec,
    retrain: RetrainSpec,
  },
  closed,
);
export type PipelineSpec = Static<typeof PipelineSpec>;
