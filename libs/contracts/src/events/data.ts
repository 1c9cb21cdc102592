import { Type } from '../schema/type.js';
import { defineEvent } from '../define-event.js';
import { Cell, RecordBatch } from '../rows.js';

const closed = { additionalProperties: false } as const;

export const dataReceived = defineEvent({ name: 'data.received', version: 1, topic: 'data.raw', data: RecordBatch });

export const dataValidated = defineEvent({
  name: 'data.validated',
  version: 1,
  topic: 'data.valid',
  data: RecordBatch,
});

export const QuarantinedRecord = Type.Object(
  {
    at: Type.Number(),
    id: Type.String(),
    stream: Type.String(),
    time: Type.Number(),
    reasons: Type.Array(Type.Object({ code: Type.String(), column: Type.String(), message: Type.String() }, closed)),
    values: Type.Record(Type.String(), Cell),
  },
  closed,
);
export const dataQuarantined = defineEvent({
  name: 'data.quarantined',
  version: 1,
  topic: 'data.quarantine',
  data: Type.Object({ records: Type.Array(QuarantinedRecord) }, closed),
});

const window = { start: Type.Number(), end: Type.Number() };
const Breach = Type.Object(
  { check: Type.String(), message: Type.String(), actual: Type.Union([Type.Number(), Type.Null()]) },
  closed,
);

/** One window of one shard: how many records came, were valid, quarantined or duplicates, and the null share by column. */
export const dataQualityReported = defineEvent({
  name: 'data-quality.reported',
  version: 1,
  topic: 'monitoring',
  data: Type.Object(
    {
      ...window,
      shard: Type.Integer(),
      rows: Type.Integer(),
      valid: Type.Integer(),
      quarantined: Type.Integer(),
      duplicates: Type.Integer(),
      nullShare: Type.Record(Type.String(), Type.Number()),
      breaches: Type.Array(Breach),
    },
    closed,
  ),
});

export const dataQualityFailed = defineEvent({
  name: 'data-quality.failed',
  version: 1,
  topic: 'control',
  data: Type.Object({ ...window, shard: Type.Integer(), breaches: Type.Array(Breach, { minItems: 1 }) }, closed),
});

export const dataQualityRecovered = defineEvent({
  name: 'data-quality.recovered',
  version: 1,
  topic: 'control',
  data: Type.Object({ ...window, shard: Type.Integer() }, closed),
});
