/** JSON Schemas of what the REST API takes and gives: fastify checks requests by them, and OpenAPI publishes them. */
export type JsonSchema = { readonly [key: string]: unknown };

export const text = { type: 'string' } as const;
export const integer = { type: 'integer' } as const;
export const number = { type: 'number' } as const;
export const boolean = { type: 'boolean' } as const;
const anything = {} as const;

export function nullable(schema: JsonSchema): JsonSchema {
  return { anyOf: [schema, { type: 'null' }] };
}

export function list(items: JsonSchema): JsonSchema {
  return { type: 'array', items };
}

export function record(values: JsonSchema): JsonSchema {
  return { type: 'object', additionalProperties: values };
}

/** All properties are required but those named in `optional`. */
export function object(properties: Readonly<Record<string, JsonSchema>>, optional: readonly string[] = []): JsonSchema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, ...(required.length === 0 ? {} : { required }) };
}

const moment = object({ business: number, wall: number });
const metrics = record(nullable(number));
const verdict = { enum: ['passed', 'rejected', 'inconclusive'] } as const;
const state = { enum: ['OK', 'DRIFT', 'NO_DATA', 'NOT_COMPUTABLE'] } as const;
const reason = { enum: ['first', 'performance', 'drift', 'volume', 'schedule', 'manual', 'pipeline'] } as const;
const outcome = { enum: ['promoted', 'no-model', 'failed', 'superseded'] } as const;
const stage = {
  enum: ['requested', 'started', 'snapshotted', 'training', 'trained', 'evaluated', 'tried', 'ended'],
} as const;
const cause = object(
  { feature: text, method: text, statistic: nullable(number), threshold: nullable(number), start: number, end: number },
  ['feature'],
);
const gate = object({ name: text, verdict, value: nullable(number), threshold: nullable(number), detail: text });
const ref = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` });

/** `components.schemas` of the OpenAPI document. */
export const components = {
  Moment: { ...moment, description: 'Milliseconds since 1970 UTC on the business clock and on the wall clock.' },
  Error: object({
    error: object(
      {
        code: text,
        message: text,
        remedy: text,
        place: nullable(
          object({ file: text, line: integer, column: integer, field: text }, ['file', 'line', 'column', 'field']),
        ),
        errors: list(object({ file: text, line: integer, column: integer, field: text, message: text, remedy: text })),
      },
      ['errors'],
    ),
  }),
  PipelineSummary: object({
    name: text,
    version: integer,
    description: text,
    task: text,
    metric: text,
    champion: nullable(integer),
    frozen: nullable(integer),
    turn: nullable(object({ id: text, reason, stage, since: ref('Moment') })),
    rollout: nullable(ref('Rollout')),
    pinned: boolean,
    now: nullable(number),
  }),
  Rollout: {
    ...object({
      model: integer,
      turn: text,
      strategy: { enum: ['shadow', 'canary'] },
      step: integer,
      steps: integer,
      share: number,
      each: integer,
      requests: integer,
      rows: integer,
      since: ref('Moment'),
    }),
    description:
      'A model that is tried beside the champion: its step, the share of the requests that it answers, and how many requests and rows it has been judged on (`each` step takes so many requests).',
  },
  Conservation: object({
    received: integer,
    validated: integer,
    quarantined: integer,
    duplicates: integer,
    deadLettered: integer,
    pending: integer,
    difference: integer,
    atLeast: boolean,
  }),
  Stage: object({ name: text, state: { enum: ['idle', 'working', 'alarm'] }, counts: record(number) }),
  Alarm: object({
    at: ref('Moment'),
    kind: { enum: ['drift', 'performance', 'data-quality', 'gap'] },
    message: text,
    causes: list(cause),
  }),
  PipelineState: {
    allOf: [
      ref('PipelineSummary'),
      object({
        applied: ref('Moment'),
        window: number,
        trailingWindows: integer,
        minimumRows: integer,
        stages: list(ref('Stage')),
        conservation: ref('Conservation'),
        failingShards: list(integer),
        alarms: list(ref('Alarm')),
        revisions: record(integer),
      }),
    ],
  },
  Model: object({
    model: integer,
    bundle: text,
    turn: text,
    pipelineVersion: integer,
    verdict,
    metrics,
    registered: ref('Moment'),
    promoted: nullable(ref('Moment')),
    deployed: nullable(ref('Moment')),
    champion: boolean,
    frozen: boolean,
  }),
  PlainModel: object({
    name: text,
    champion: nullable(integer),
    pinned: boolean,
    versions: list(ref('Model')),
  }),
  Turn: object({
    request: text,
    turn: nullable(text),
    reason,
    actor: nullable(text),
    causes: list(cause),
    labelled: integer,
    pipelineVersion: integer,
    stages: record(ref('Moment')),
    snapshot: nullable(object({ rows: integer, labelled: integer, from: number, to: number })),
    candidates: list(object({ name: text, trainer: text, metrics, failure: nullable(text) })),
    winner: nullable(text),
    verdict: nullable(verdict),
    gates: list(gate),
    metrics,
    championMetrics: nullable(metrics),
    holdOutRows: integer,
    model: nullable(integer),
    outcome: nullable(outcome),
    detail: text,
  }),
  Window: object({
    start: number,
    end: number,
    rows: integer,
    predictions: integer,
    performance: nullable(
      object({
        metric: text,
        model: integer,
        value: nullable(number),
        frozen: nullable(number),
        trailing: nullable(number),
        reference: nullable(number),
        labelled: integer,
        predictions: integer,
        state,
      }),
    ),
    drift: nullable(object({ model: integer, rows: integer, state, share: nullable(number) })),
  }),
  FeatureDrift: object({
    feature: text,
    points: list(
      object({
        start: number,
        end: number,
        method: text,
        statistic: nullable(number),
        threshold: nullable(number),
        state,
      }),
    ),
  }),
  Event: object(
    {
      id: text,
      source: text,
      type: text,
      sequence: number,
      previous: nullable(number),
      time: text,
      subject: text,
      pipeline: text,
      pipelineversion: integer,
      causationid: text,
      correlationid: text,
      actor: text,
      traceparent: text,
      topic: text,
      partition: integer,
      position: integer,
      appendedAt: number,
      data: anything,
    },
    ['subject', 'causationid', 'correlationid', 'actor', 'traceparent'],
  ),
  DeadLetter: object({
    id: text,
    time: text,
    pipeline: text,
    consumer: text,
    topic: text,
    partition: integer,
    position: integer,
    key: nullable(text),
    type: nullable(text),
    records: integer,
    code: text,
    message: text,
    replayed: boolean,
  }),
  StateHash: object({ all: text, services: record(text) }),
  Audit: object({ events: integer, violations: list(object({ invariant: text, message: text })) }),
  Replay: object({
    pipeline: text,
    speed: number,
    state: { enum: ['history', 'replaying', 'done', 'failed'] },
    done: integer,
    total: integer,
    detail: text,
  }),
} as const satisfies Record<string, JsonSchema>;

export function component(name: keyof typeof components): JsonSchema {
  return ref(name);
}
