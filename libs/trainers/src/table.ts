import { RelearnError } from '@relearn/kernel';

/** What a model is to predict: one of two classes, one of several, or a number. */
export type Task = 'binary' | 'multiclass' | 'regression';

/** A column of numbers; NaN is a missing value. Trainers and models see each value rounded to float32. */
export interface NumericColumn {
  kind: 'number';
  name: string;
  values: Float64Array;
}

/** A column of categories: a code is an index in the dictionary, -1 is missing. The entry '' counts as missing too. */
export interface CategoryColumn {
  kind: 'category';
  name: string;
  dictionary: string[];
  codes: Int32Array;
}

export type Column = NumericColumn | CategoryColumn;

/** Named columns of equal length. */
export interface Table {
  rows: number;
  columns: Column[];
}

/** Refuses a table whose columns have unequal lengths, equal or empty names, or codes outside their dictionary. */
export function checkTable(table: Table, place: string): void {
  const names = new Set<string>();
  for (const column of table.columns) {
    if (column.name === '') throw invalid(`${place}: a column has no name`, '');
    if (names.has(column.name)) throw invalid(`${place}: column ${column.name} occurs twice`, column.name);
    names.add(column.name);
    const length = column.kind === 'number' ? column.values.length : column.codes.length;
    if (length !== table.rows) {
      throw invalid(`${place}: column ${column.name} has ${length} values for ${table.rows} rows`, column.name);
    }
    if (column.kind === 'category') checkCodes(column, place);
  }
}

function checkCodes(column: CategoryColumn, place: string): void {
  const { codes, dictionary } = column;
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row]!;
    if (code < -1 || code >= dictionary.length) {
      throw invalid(`${place}: column ${column.name}, row ${row}: no dictionary entry ${code}`, column.name);
    }
  }
}

/** Refuses a table that has not the same columns, in the same order and of the same kinds, as the model was fitted on. */
export function checkSameColumns(
  expected: readonly { name: string; kind: string }[],
  table: Table,
  place: string,
): void {
  const given = table.columns;
  if (given.length !== expected.length) {
    throw invalid(`${place}: ${given.length} columns where the model has ${expected.length}`, '');
  }
  for (let i = 0; i < expected.length; i++) {
    const want = expected[i]!;
    const got = given[i]!;
    if (want.name !== got.name || want.kind !== got.kind) {
      throw invalid(
        `${place}: column ${i} is ${got.name} (${got.kind}) where the model has ${want.name} (${want.kind})`,
        got.name,
      );
    }
  }
}

function invalid(message: string, field: string): RelearnError {
  return new RelearnError('INVALID_INPUT', message, field === '' ? {} : { place: { field } });
}
