import { type Static, Type } from '../schema/type.js';
import { defaults } from './defaults.js';
import {
  bounds,
  byColumn,
  closed,
  columnName,
  columnNames,
  duration,
  optional,
  scalar,
  share,
  streams,
  text,
  whole,
  word,
} from './file-terms.js';
import { aggregates, columnTypes } from './spec.js';

/** The file's form of what the data is: `source`, `schema`, `label` and `features`. */

const files = Type.Array(text('a path'), {
  title: 'a list of files',
  description: 'Recorded data: Parquet, CSV or JSONL; paths are relative to this file.',
  default: [],
});
const id = columnNames('Columns that together identify a record. Default: none; its file and place in it identify it.');

export const FileSource = Type.Object(
  {
    rows: Type.Object(
      {
        files: optional(files),
        time: columnName('Column with the event time: a row is scored then.'),
        id: optional(id),
      },
      { ...closed, description: 'The stream of rows that are scored.' },
    ),
    context: optional(
      streams(
        Type.Object(
          {
            files: optional(files),
            time: columnName('Column with the event time.'),
            id: optional(id),
            known_after: optional(
              duration('A record is known this long after its event time. Not beside known_at.', defaults.knownAfter),
            ),
            known_at: optional(columnName('Column with the time at which the record became known.')),
          },
          closed,
        ),
        'Other streams, which features join by key as they were known, such as weather.',
      ),
    ),
    lateness: optional(
      duration('How long a row is waited for. 0s: each row is computed when it comes.', defaults.lateness),
    ),
    shard_by: optional(
      columnName('Splits the pipeline by this column. Windows and lags must then have it among their keys.'),
    ),
    max_record_bytes: optional(whole(1024, 'Longer records are refused.', defaults.maxRecordBytes)),
  },
  { ...closed, description: 'Where the data comes from.' },
);

const columnType = word(
  columnTypes,
  'a column type',
  'number, integer, boolean; category: one of few texts, a model input; string: free text, by default none; timestamp: ISO 8601, UTC where no zone is given.',
);
const column = Type.Union(
  [
    columnType,
    Type.Object(
      {
        type: columnType,
        nullable: optional(Type.Boolean({ description: 'Whether a value may be missing.', default: false })),
        unit: optional(Type.String({ description: 'For readers; nothing is converted.' })),
        range: optional(bounds('Inclusive bounds of a number: a value outside is quarantined.')),
        values: optional(
          Type.Array(scalar, { minItems: 1, description: 'All values of a category: any other is quarantined.' }),
        ),
        pattern: optional(Type.String({ description: 'Regular expression that a text must match.' })),
        known_at: optional(
          word(
            ['label'],
            'the word label',
            'label: known only with the label, so no feature may use it. Columns of `label` are so by themselves.',
          ),
        ),
      },
      closed,
    ),
  ],
  { title: 'a column type, or a block with `type`' },
);
const columns = byColumn(column, 'a block of columns', 'Each column with its type, or with a block that says more.');

export const FileSchema = Type.Object(
  {
    columns,
    context: optional(streams(columns, 'The columns of each stream of `source.context`.')),
    window: optional(
      Type.Object(
        {
          every: optional(duration('Length of the windows that are checked. Default: monitor.window.')),
          rows: optional(bounds('How many rows a window holds.')),
          null_share: optional(byColumn(share(), 'a block of shares', 'Greatest share of missing values, by column.')),
          quarantine_share: optional(
            share('Greatest share of records that break the schema.', defaults.quarantineShare),
          ),
        },
        {
          ...closed,
          description:
            'Expectations on each window. A window that breaks one stops training until one holds; never serving.',
        },
      ),
    ),
  },
  { ...closed, description: 'What a valid record looks like. Others are quarantined with the reason.' },
);

export const FileLabel = Type.Object(
  {
    column: optional(columnName('The column to predict. This or expression.')),
    expression: optional(
      text('an expression', 'What to predict, over columns known with the label: `arr_delay > 15`.'),
    ),
    known_at: optional(
      columnName('Column with the time at which the label became known; empty: never. This or delay.'),
    ),
    delay: optional(duration('The label is known this long after the event time.', defaults.labelDelay)),
    max_delay: optional(
      duration(
        `A label not known by then counts as missing. Default: twice the delay and at least ${defaults.leastMaxDelay}; ${defaults.maxDelayOfKnownAt} with known_at.`,
      ),
    ),
    classes: optional(
      Type.Array(scalar, {
        title: 'a list of classes',
        description:
          'The classes in order; of two the second is the positive one. A boolean is 0 or 1. Default: 0 and 1 for boolean and number labels of a binary task, the values of a category with `values`, none for regression.',
      }),
    ),
  },
  { ...closed, description: 'What is predicted, and when it becomes known.' },
);

const name = Type.String({
  title: 'a name of letters, digits and _',
  description: 'Name of the model input.',
  pattern: '^[A-Za-z_][A-Za-z0-9_]{0,127}$',
});
const type = optional(word(['number', 'category'], 'number or category', 'Default: as the columns that it uses say.'));
const by = columnNames('The key: rows equal in these columns belong together.');

const FileFeature = Type.Union(
  [
    columnName('A column of the row as it is.'),
    Type.Object({ name, type, column: columnName('A column of the row as it is.') }, closed),
    Type.Object(
      { name, type, expression: text('an expression', 'Over the columns of the row: `hour(scheduled_at)`.') },
      closed,
    ),
    Type.Object(
      {
        name,
        type,
        aggregate: word(
          aggregates,
          'an aggregate',
          'Over earlier rows with the same key, or over their labels as they became known.',
        ),
        of: optional(columnName('`label`, or a column; count and rate need none.')),
        by,
        window: duration('How far back from the row.'),
      },
      closed,
    ),
    Type.Object(
      {
        name,
        type,
        lag: Type.Integer({
          minimum: 1,
          maximum: 1000,
          description: 'How many rows back, of those with the same key.',
        }),
        of: columnName('The column whose earlier value is taken.'),
        by,
      },
      closed,
    ),
    Type.Object(
      {
        name,
        type,
        join: text('a stream name', 'A stream of `source.context`: its latest record known at the row time is taken.'),
        column: columnName('The column of that stream.'),
        on: Type.Union(
          [
            Type.Array(columnName(), { minItems: 1, title: 'a list of columns' }),
            byColumn(columnName(), 'a block `row column: stream column`'),
          ],
          {
            title: 'a list of columns or a block `row column: stream column`',
            description: 'The columns that must be equal: a list where both streams call them the same.',
          },
        ),
        max_age: optional(duration('An older record counts as missing.', defaults.joinMaxAge)),
      },
      closed,
    ),
  ],
  { title: 'a column name, or a block with `name` and one of column, expression, aggregate, lag, join' },
);

export const FileFeatures = Type.Array(FileFeature, {
  title: 'a list of features',
  minItems: 1,
  description:
    'The inputs of the model. Default: every row column but ids, the event time, other timestamps, strings and what is known only with the label; and hour and day_of_week of the event time.',
});
export type FileFeature = Static<typeof FileFeature>;
