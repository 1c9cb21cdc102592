import { type Schema, Type } from '../schema/type.js';
import { defaults } from './defaults.js';
import { closed, columnName, duration, optional, whole, word } from './file-terms.js';

/** The file's form of how a passed model goes live. */

const orNull = (limit: Schema<number>, description: string, fallback: number | null) =>
  optional(Type.Union([limit, Type.Null()], { title: 'a number, or null', description, default: fallback }));

const { judge } = defaults.rollout;

const FileJudge = Type.Object(
  {
    confidence: optional(
      Type.Number({
        exclusiveMinimum: 0.5,
        exclusiveMaximum: 1,
        description: 'With which a model as good as the limits say is left alone, over the whole rollout.',
        default: judge.confidence,
      }),
    ),
    max_error_increase: orNull(
      Type.Number({ minimum: 0, exclusiveMaximum: 1 }),
      'By how much the share of failed requests may be above that of the model in place. Null: not judged.',
      judge.max_error_increase,
    ),
    max_latency_ratio: orNull(
      Type.Number({ minimum: 1 }),
      'How many times as long as the model in place a run may take. Null: not judged.',
      judge.max_latency_ratio,
    ),
    min_agreement: orNull(
      Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 }),
      'Least share of rows on which both models say the same. Null: not judged.',
      judge.min_agreement,
    ),
    quality: orNull(
      Type.Number({ minimum: 0, exclusiveMaximum: 1 }),
      'By how much the mean loss on labelled rows may be above that of the model in place. Null: not judged.',
      judge.quality,
    ),
  },
  { ...closed, description: 'What is looked for while both models run.' },
);

export const FileRollout = Type.Object(
  {
    strategy: optional(
      word(
        ['direct', 'shadow', 'canary'],
        'a strategy',
        'direct: a passed model answers at once. shadow: it first runs beside the model in place and answers nobody. canary: it first answers a share of the requests.',
        'direct',
      ),
    ),
    steps: optional(
      Type.Array(Type.Number({ exclusiveMinimum: 0, maximum: 0.5 }), {
        title: 'a list of shares',
        examples: [[...defaults.rollout.steps]],
        minItems: 1,
        maxItems: 20,
        description: 'Of a canary: the share of the requests in each step, growing.',
        default: [...defaults.rollout.steps],
      }),
    ),
    requests: optional(whole(1, 'Requests that each step must have been judged on.', defaults.rollout.requests)),
    key: optional(
      columnName(
        'The input column by which requests stick to a model. Default: what the request gives as its key, else its id.',
      ),
    ),
    judge: optional(FileJudge),
    limit: optional(duration('Business time after which it ends by what has been seen.', defaults.rollout.limit)),
  },
  { ...closed, description: 'How a passed model goes live.' },
);
