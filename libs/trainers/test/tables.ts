import { mulberry32 } from '@relearn/kernel';
import type { CategoryColumn, NumericColumn, Table, TrainingInput } from '../src/index.js';

export function numbers(name: string, values: readonly number[]): NumericColumn {
  return { kind: 'number', name, values: Float64Array.from(values) };
}

/** A category column from texts; null is missing. */
export function categories(name: string, values: readonly (string | null)[]): CategoryColumn {
  const dictionary = [...new Set(values.filter((value) => value !== null))];
  return {
    kind: 'category',
    name,
    dictionary,
    codes: Int32Array.from(values, (v) => (v === null ? -1 : dictionary.indexOf(v))),
  };
}

export interface Synthetic {
  table: Table;
  binary: Float64Array;
  multiclass: Float64Array;
  value: Float64Array;
}

/**
 * Rows with numbers, few and many categories, missing values in each, a constant and an empty column. The signal is not
 * linear: an exclusive-or of two numbers, a category's own level, and missing values that mean something.
 */
export function synthetic(rows: number, seed: number, manyCategories = 90): Synthetic {
  const next = mulberry32(seed);
  const range = Array.from({ length: rows }, (_, i) => i);
  const a = range.map(() => next() * 2 - 1);
  const b = range.map(() => (next() < 0.1 ? Number.NaN : next() * 2 - 1));
  const few = range.map(() => (next() < 0.05 ? null : `f${Math.floor(next() * 3)}`));
  const many = range.map(() => (next() < 0.05 ? null : `m${Math.floor(next() ** 2 * manyCategories)}`));
  const level = new Map(Array.from({ length: manyCategories }, (_, i) => [`m${i}`, next() * 2 - 1]));
  const score = range.map((i) => {
    const exclusive = Number.isNaN(b[i]) ? 1.5 : a[i]! * b[i]! > 0 ? 1 : -1;
    const own = many[i] === null ? 0.5 : level.get(many[i]!)!;
    return 1.5 * exclusive + 2 * own + (few[i] === 'f1' ? 0.7 : 0) + (next() - 0.5);
  });
  const table: Table = {
    rows,
    columns: [
      numbers('a', a),
      numbers('b', b),
      categories('few', few),
      categories('many', many),
      numbers(
        'constant',
        range.map(() => 7),
      ),
      numbers(
        'empty',
        range.map(() => Number.NaN),
      ),
      categories(
        'none',
        range.map(() => null),
      ),
    ],
  };
  return {
    table,
    binary: Float64Array.from(score, (s) => (s > 0.5 ? 1 : 0)),
    multiclass: Float64Array.from(score, (s) => (s < -1 ? 0 : s < 1 ? 1 : 2)),
    value: Float64Array.from(score, (s) => 100 + 10 * s),
  };
}

export function slice(table: Table, begin: number, end: number): Table {
  return {
    rows: end - begin,
    columns: table.columns.map((column) =>
      column.kind === 'number'
        ? { ...column, values: column.values.slice(begin, end) }
        : { ...column, codes: column.codes.slice(begin, end) },
    ),
  };
}

/** A training input on the first 80 % of the rows, validated on the rest. */
export function inputOf(
  data: Synthetic,
  task: TrainingInput['task'],
  parameters: TrainingInput['parameters'] = {},
): TrainingInput {
  const { rows } = data.table;
  const cut = Math.floor(rows * 0.8);
  const labels = task === 'binary' ? data.binary : task === 'multiclass' ? data.multiclass : data.value;
  return {
    task,
    classes: task === 'binary' ? ['no', 'yes'] : task === 'multiclass' ? ['low', 'middle', 'high'] : [],
    train: slice(data.table, 0, cut),
    trainLabels: labels.slice(0, cut),
    valid: slice(data.table, cut, rows),
    validLabels: labels.slice(cut),
    parameters,
    seed: 7,
  };
}

/** The table with categories that no training row had, and with some numbers beyond all seen. */
export function strange(table: Table): Table {
  return {
    rows: table.rows,
    columns: table.columns.map((column) => {
      if (column.kind === 'number') {
        return {
          ...column,
          values: column.values.map((value, i) => [value, Number.NaN, 1e30, -1e30, Infinity, -Infinity, 1e300][i % 7]!),
        };
      }
      const dictionary = [...column.dictionary, 'never seen', ''];
      const codes = column.codes.map((code, i) => [code, -1, dictionary.length - 2, dictionary.length - 1][i % 4]!);
      return { ...column, dictionary, codes };
    }),
  };
}
