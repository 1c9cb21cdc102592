import { Type } from '../schema/type.js';
import { defineEvent } from '../define-event.js';
import { topicNames } from '../topics.js';

const closed = { additionalProperties: false } as const;

/** A record as it was when a consumer of a group could not take it, and where it stood. */
const original = {
  consumer: Type.String(),
  topic: Type.Enum(topicNames),
  partition: Type.Integer(),
  position: Type.Number(),
  key: Type.Union([Type.String(), Type.Null()]),
  /** The attributes among them: `ce_type` with the version of the schema, `ce_pipelineversion`. */
  headers: Type.Record(Type.String(), Type.String()),
  /** The bytes in base64; where they are too many for one event it is empty and `blob` their digest. */
  value: Type.String(),
  blob: Type.Optional(Type.String()),
  /** How many data records it says it holds. */
  records: Type.Integer(),
  /** The first row that the consumer had not applied before, of another copy of the event. */
  fromRow: Type.Integer(),
};

/** A record that no consumer of a group could take: its original bytes, where it stood, and why. */
export const deadLettered = defineEvent({
  name: 'dead-letter',
  version: 1,
  topic: 'dead-letters',
  data: Type.Object({ ...original, code: Type.String(), message: Type.String() }, closed),
});

/** Somebody wants these letters of the partition taken again. Each is replayed once, however often it is asked for. */
export const deadLetterReplayRequested = defineEvent({
  name: 'dead-letter.replay-requested',
  version: 1,
  topic: 'dead-letters',
  data: Type.Object(
    {
      /** Ids of `dead-letter` events and where they stand in the partition. */
      letters: Type.Array(Type.Object({ id: Type.String(), position: Type.Number() }, closed), { maxItems: 500 }),
    },
    closed,
  ),
});

/**
 * A letter on its way back. It stands in the topic that the original came from and is for its consumer alone, which applies
 * the original as if it stood here; what has been replayed is told by the sequence of this event, not of the original.
 */
export const deadLetterReplayed = defineEvent({
  name: 'dead-letter.replayed',
  version: 1,
  topic: 'dead-letters',
  data: Type.Object({ ...original, letter: Type.String() }, closed),
});

/**
 * An aggregate that hears several topics writes this before it handles an input out of their canonical order: its attribute
 * `seen` says what came before. So the log tells the order in which inputs of different partitions were handled.
 */
export const inputsOrdered = defineEvent({
  name: 'inputs.ordered',
  version: 1,
  topic: 'monitoring',
  data: Type.Object({}, closed),
});

/**
 * A fold's whole checkpoint of a shard, or an aggregate's state, as a blob: from here a state can be had where the log no
 * longer reaches back. What the blob names is kept until the next one of the same source stands in the log.
 */
export const checkpointSaved = defineEvent({
  name: 'checkpoint.saved',
  version: 1,
  topic: 'control',
  data: Type.Object(
    {
      service: Type.String(),
      partition: Type.Integer(),
      /** Of a fold's shard: the epoch of its owner. */
      epoch: Type.Integer(),
      /** Digest of its JSON. */
      blob: Type.String(),
    },
    closed,
  ),
});
