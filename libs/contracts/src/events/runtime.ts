import Type from 'typebox';
import { defineEvent } from '../define-event.js';

/**
 * A record that no consumer of a group could take: its original bytes (base64; where they are too many for one event `value`
 * is empty and `blob` their digest), where it stood, and why.
 */
export const deadLettered = defineEvent({
  name: 'dead-letter',
  version: 1,
  topic: 'dead-letters',
  data: Type.Object(
    {
      consumer: Type.String(),
      topic: Type.String(),
      partition: Type.Integer(),
      position: Type.Number(),
      key: Type.Union([Type.String(), Type.Null()]),
      headers: Type.Record(Type.String(), Type.String()),
      value: Type.String(),
      blob: Type.Optional(Type.String()),
      records: Type.Integer(),
      code: Type.String(),
      message: Type.String(),
    },
    { additionalProperties: false },
  ),
});

/**
 * An aggregate that hears several topics writes this before it handles an input out of their canonical order: its attribute
 * `seen` says what came before. So the log tells the order in which inputs of different partitions were handled.
 */
export const inputsOrdered = defineEvent({
  name: 'inputs.ordered',
  version: 1,
  topic: 'monitoring',
  data: Type.Object({}, { additionalProperties: false }),
});
