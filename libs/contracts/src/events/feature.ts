import { type Static, Type } from '../schema/type.js';
import { defineEvent } from '../define-event.js';
import { Columns } from '../rows.js';

const closed = { additionalProperties: false } as const;

/** Feature rows, one for each valid row, in the shard's order; `at` are addresses in `data.valid`. May be empty: then it only moves the watermark. */
export const featuresComputed = defineEvent({
  name: 'features.computed',
  version: 1,
  topic: 'features',
  data: Type.Object(
    {
      ids: Type.Array(Type.String()),
      times: Type.Array(Type.Number()),
      at: Type.Array(Type.Number()),
      columns: Columns,
      /** The shard's watermark after the last row, ms; null before the first. */
      watermark: Type.Union([Type.Number(), Type.Null()]),
    },
    closed,
  ),
});

/** Per partition number: the address in `data.valid` up to which a turn sees the data. */
export const Cut = Type.Record(Type.String(), Type.Number());
export type Cut = Static<typeof Cut>;

export const turnFields = { turn: Type.String(), request: Type.String() } as const;

export const datasetSnapshotted = defineEvent({
  name: 'dataset.snapshotted',
  version: 1,
  topic: 'control',
  data: Type.Object(
    {
      ...turnFields,
      /** Digest of the manifest blob. */
      manifest: Type.String(),
      /** Hash over the canonical bytes of rows and labels: the version of the data. */
      dataHash: Type.String(),
      rows: Type.Integer(),
      labelled: Type.Integer(),
      from: Type.Number(),
      to: Type.Number(),
    },
    closed,
  ),
});

export const snapshotFailed = defineEvent({
  name: 'snapshot.failed',
  version: 1,
  topic: 'control',
  data: Type.Object({ ...turnFields, reason: Type.String() }, closed),
});
