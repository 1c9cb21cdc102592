import { type Schema, type Static, Type } from '../schema/type.js';
import { defaultDrops, defaultMetrics, defaults } from './defaults.js';
import { closed, duration, optional, scalar, text, whole, word } from './file-terms.js';
import { tasks } from './spec.js';

/** The file's form of what is done with the data: `train`, `evaluate`, `monitor` and `retrain`. */

const heldOut = (description: string, fallback: number) =>
  Type.Number({ exclusiveMinimum: 0, maximum: 0.5, description, default: fallback });

const FileCandidate = Type.Object(
  {
    trainer: text('a trainer', 'boosting, logistic, linear or baseline.'),
    name: optional(text('a name', 'Default: the trainer, with the parameters in which it differs from others.')),
    parameters: optional(
      Type.Record(
        Type.String(),
        Type.Union([scalar, Type.Array(scalar, { minItems: 1 })], { title: 'a value or a list' }),
        {
          title: 'a block of parameters',
          description:
            'Parameters of the trainer, and `recent`: the share of the training rows, the latest, that it is trained on (default 1). A list tries each of its values: several lists, all combinations.',
        },
      ),
    ),
  },
  closed,
);
export type FileCandidate = Static<typeof FileCandidate>;

export const FileTrain = Type.Object(
  {
    task: optional(
      word(
        tasks,
        'a task',
        'Default: binary for a boolean label, a comparison or two classes; multiclass for more classes; else regression.',
      ),
    ),
    window: optional(
      Type.Union([word(['all'], 'the word all'), duration()], {
        title: '`all` or a duration',
        description:
          'How far back from the latest row is trained on; where that holds fewer than minimum_rows, the latest so many.',
        default: 'all',
      }),
    ),
    hold_out: optional(heldOut('Latest share of labelled rows, seen by evaluation alone.', defaults.holdOut)),
    validation: optional(
      heldOut('Latest share of the rest, for early stopping and the choice among candidates.', defaults.validation),
    ),
    minimum_rows: optional(whole(10, 'Labelled rows from which on a first model is trained.', defaults.minimumRows)),
    seed: optional(whole(0, 'Same data, same seed, same model.', defaults.seed)),
    deadline: optional(duration('Machine time for one turn of the loop.', defaults.deadline)),
    candidates: optional(
      Type.Array(FileCandidate, {
        title: 'a list of candidates',
        minItems: 1,
        maxItems: 64,
        description:
          'Each is trained; the best on the validation rows goes on. Default: boosting with 31 and with 15 leaves, and logistic (linear for regression).',
      }),
    ),
  },
  { ...closed, description: 'How models are trained.' },
);

const FileMetric = Type.Union(
  [
    text('a metric'),
    Type.Object(
      {
        name: text('a metric'),
        minimum: optional(Type.Number({ description: 'A model below it is rejected.' })),
        maximum: optional(Type.Number({ description: 'A model above it is rejected.' })),
      },
      closed,
    ),
  ],
  { title: 'a metric, or a block with `name`' },
);

export const FileEvaluate = Type.Object(
  {
    metrics: optional(
      Type.Array(FileMetric, {
        title: 'a list of metrics',
        minItems: 1,
        description: `The first one chooses, compares and is monitored. Default: ${defaultMetrics.binary}, ${defaultMetrics.multiclass} for multiclass, ${defaultMetrics.regression} for regression.`,
      }),
    ),
    champion: optional(
      Type.Object(
        {
          test: optional(
            word(
              ['bootstrap', 'mcnemar'],
              'a test',
              'Paired bootstrap of the metric, or exact McNemar of the hits.',
              defaults.championTest,
            ),
          ),
          confidence: optional(
            Type.Number({
              exclusiveMinimum: 0.5,
              exclusiveMaximum: 1,
              description: 'With which the new model must be better.',
              default: defaults.confidence,
            }),
          ),
          tolerance: optional(
            Type.Number({
              minimum: 0,
              description: 'How much worse than the champion still passes, in units of the metric.',
              default: defaults.tolerance,
            }),
          ),
          rounds: optional(
            Type.Integer({
              minimum: 100,
              maximum: 100_000,
              description: 'Rounds of the bootstrap.',
              default: defaults.rounds,
            }),
          ),
        },
        { ...closed, description: 'The comparison with the model in place, on the same held-out rows.' },
      ),
    ),
    max_bytes: optional(Type.Number({ exclusiveMinimum: 0, description: 'Greatest size of the model.' })),
    max_latency_ms: optional(Type.Number({ exclusiveMinimum: 0, description: 'Longest run of the model on one row.' })),
  },
  { ...closed, description: 'What a model must pass to go live.' },
);

export const FileMonitor = Type.Object(
  {
    window: optional(duration('Length of the windows, in event time.', defaults.monitorWindow)),
    drift: optional(
      Type.Object(
        {
          number: optional(text('a drift method', 'Method for number features.', defaults.driftMethod)),
          category: optional(text('a drift method', 'Method for category features.', defaults.driftMethod)),
          threshold: optional(
            Type.Number({
              exclusiveMinimum: 0,
              description: 'Above it a feature has drifted. Default: calibrated on blocks of the training data.',
            }),
          ),
          share: optional(
            Type.Number({
              exclusiveMinimum: 0,
              maximum: 1,
              description: 'Share of drifted features from which on the window has drifted.',
              default: defaults.driftShare,
            }),
          ),
        },
        closed,
      ),
    ),
    performance: optional(
      Type.Object(
        {
          windows: optional(
            Type.Integer({
              minimum: 1,
              maximum: 1000,
              description: 'The quality of so many latest windows together is compared.',
              default: defaults.performanceWindows,
            }),
          ),
          minimum_labels: optional(
            whole(1, 'With fewer labels in them nothing is concluded.', defaults.performanceMinimumLabels),
          ),
        },
        closed,
      ),
    ),
  },
  { ...closed, description: 'What is watched.' },
);

const hysteresis = ({ enter, of }: { enter: number; of: number }) => ({
  enter: optional(whole(1, 'So many of the latest `of` windows must be bad.', enter)),
  of: optional(whole(1, 'So many latest windows are looked at.', of)),
});
const orNull = <T extends Schema>(block: T, title: string, description: string) =>
  optional(Type.Union([block, Type.Null()], { title: `${title}, or null`, description }));

export const FileRetrain = Type.Object(
  {
    performance: orNull(
      Type.Object(
        {
          drop: optional(
            Type.Number({
              exclusiveMinimum: 0,
              description: `Loss against the hold-out: in its own units for a score such as roc_auc, as a share for an error measure such as rmse. Default: ${defaultDrops.binary} for binary, else ${defaultDrops.regression}.`,
            }),
          ),
          ...hysteresis(defaults.performanceEnter),
        },
        closed,
      ),
      'a block with drop, enter and of',
      'Retrain when the measured quality falls. null: never.',
    ),
    drift: orNull(
      Type.Object(hysteresis(defaults.driftEnter), closed),
      'a block with enter and of',
      'Retrain when the inputs drift. null: never.',
    ),
    volume: orNull(
      Type.Object({ labels: whole(1, 'So many.') }, closed),
      'a block with labels',
      'Retrain after so many new labels. Default: null, never.',
    ),
    schedule: orNull(
      Type.Object({ every: duration('So often.') }, closed),
      'a block with every',
      'Retrain at fixed times. Default: null, never.',
    ),
    cooldown: optional(duration('No retrain within this time of the last one.', defaults.cooldown)),
    minimum_labels: optional(whole(0, 'No retrain with fewer new labels.', defaults.minimumLabels)),
    budget: optional(
      Type.Object(
        {
          turns: optional(whole(1, 'At most so many retrains within `per`.', defaults.budget.turns)),
          per: optional(duration('The time in which they are counted.', defaults.budget.per)),
        },
        { ...closed, description: 'A limit to retrains. What a person asks for is not counted.' },
      ),
    ),
    back_off: optional(
      Type.Number({
        minimum: 1,
        description: 'The cooldown is multiplied by this for each rejected retrain in a row.',
        default: defaults.backOff,
      }),
    ),
  },
  { ...closed, description: 'What starts a new turn of the loop.' },
);
