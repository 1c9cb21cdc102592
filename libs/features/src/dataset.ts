import type { PipelineSpec } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';

/** NaN is a missing number. */
export interface NumberColumn {
  kind: 'number';
  name: string;
  values: Float64Array;
}

/** Codes into the dictionary; -1 is missing. */
export interface CodedColumn {
  kind: 'category';
  name: string;
  dictionary: string[];
  codes: Int32Array;
}

/** Labelled rows of a snapshot in the order of their event times (ties: as they came). */
export interface Dataset {
  readonly rows: number;
  readonly times: Float64Array;
  readonly columns: (NumberColumn | CodedColumn)[];
  /** Class index, or the value for regression. */
  readonly labels: Float64Array;
}

export interface Split {
  readonly train: Dataset;
  readonly valid: Dataset;
  readonly holdOut: Dataset;
}

/** The class index of a label value (numeric labels of binary tasks are 0 and 1), or the value itself for regression. */
export function labelNumber(spec: PipelineSpec, value: number | string | null): number | null {
  if (value === null) return null;
  if (spec.train.task === 'regression') return typeof value === 'number' ? value : null;
  const index = spec.label.classes.indexOf(String(value));
  if (index >= 0) return index;
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < spec.label.classes.length
    ? value
    : null;
}

/** Rows [from, to); categories first seen at or after row `known` are missing: a model of the rows before cannot know them. */
function slice(dataset: Dataset, from: number, to: number, known: number): Dataset {
  return {
    rows: to - from,
    times: dataset.times.subarray(from, to),
    labels: dataset.labels.subarray(from, to),
    columns: dataset.columns.map((column) => {
      if (column.kind === 'number') return { ...column, values: column.values.subarray(from, to) };
      const limit = 1 + column.codes.subarray(0, known).reduce((most, code) => Math.max(most, code), -1);
      const codes = column.codes.subarray(from, to);
      const unknown = codes.some((code) => code >= limit);
      return {
        ...column,
        dictionary: column.dictionary.slice(0, limit),
        codes: unknown ? Int32Array.from(codes, (code) => (code < limit ? code : -1)) : codes,
      };
    }),
  };
}

/** However small the recent share, so many rows are trained on where there are as many. */
const leastRecentRows = 100;

/**
 * Splits by event time: the latest share is held out for evaluation alone, the latest share of the rest validates. Of
 * what remains the latest `recent` share is for training (1: all of it).
 * Throws INVALID_INPUT when a part would be empty.
 */
export function splitDataset(dataset: Dataset, holdOut: number, validation: number, recent = 1): Split {
  const end = dataset.rows - Math.max(1, Math.round(dataset.rows * holdOut));
  const trainEnd = end - Math.max(1, Math.round(end * validation));
  if (trainEnd < 1) {
    throw new RelearnError(
      'INVALID_INPUT',
      `${dataset.rows} labelled rows are too few to split into training, validation and hold-out`,
    );
  }
  const trainRows = Math.min(trainEnd, Math.max(leastRecentRows, Math.round(trainEnd * recent)));
  return {
    train: slice(dataset, trainEnd - trainRows, trainEnd, trainEnd),
    valid: slice(dataset, trainEnd, end, trainEnd),
    holdOut: slice(dataset, end, dataset.rows, trainEnd),
  };
}
