import { frequentValues, placesOf } from '../categories.js';
import { type CategoryColumn, checkSameColumns, type NumericColumn, type Table } from '../table.js';

/** A number: what replaces a missing value and what standardises it, all float32 as in the graph. */
export interface NumberEncoding {
  readonly kind: 'number';
  readonly name: string;
  readonly mean: number;
  /** One over the standard deviation; 0 where the column is constant and has no weight. */
  readonly scale: number;
  /** Whether missing values have a weight of their own. */
  readonly flagged: boolean;
}

/** A category: values[i] has code i + 1; code 0 is missing, unknown or too rare. */
export interface CategoryEncoding {
  readonly kind: 'category';
  readonly name: string;
  readonly values: readonly string[];
}

export type ColumnEncoding = NumberEncoding | CategoryEncoding;

/** Standardised values are cut at this many standard deviations, so that no stray value rules a prediction. */
export const cut = 10;

/** The encoded rows: standardised numbers and missing flags row by row, and a code a category column. */
export interface Design {
  readonly rows: number;
  readonly width: number;
  readonly dense: Float32Array;
  readonly codes: readonly Int32Array[];
  /** Codes of each category column. */
  readonly sizes: readonly number[];
}

export function fitEncoding(table: Table, categoryLimit: number): ColumnEncoding[] {
  return table.columns.map((column) =>
    column.kind === 'number'
      ? fitNumber(column)
      : { kind: 'category', name: column.name, values: frequentValues(column, categoryLimit) },
  );
}

/** Infinite values count as missing: a linear score cannot use them. */
function known(value: number): boolean {
  return Number.isFinite(value);
}

function fitNumber({ name, values }: NumericColumn): NumberEncoding {
  let count = 0;
  let sum = 0;
  for (let row = 0; row < values.length; row++) {
    const value = Math.fround(values[row]!);
    if (!known(value)) continue;
    count++;
    sum += value;
  }
  const mean = count > 0 ? Math.fround(sum / count) : 0;
  let squares = 0;
  for (let row = 0; row < values.length; row++) {
    const value = Math.fround(values[row]!);
    if (known(value)) squares += (value - mean) * (value - mean);
  }
  const scale = squares > 0 ? Math.fround(1 / Math.sqrt(squares / count)) : 0;
  return {
    kind: 'number',
    name,
    mean,
    scale: known(scale) ? scale : 0,
    flagged: count > 0 && count < values.length,
  };
}

/** Encodes rows exactly as the graph does, step by step in float32. */
export function encode(encodings: readonly ColumnEncoding[], table: Table): Design {
  checkSameColumns(encodings, table, 'table');
  const numbers = encodings.filter((encoding) => encoding.kind === 'number');
  const scaled = numbers.filter((encoding) => encoding.scale > 0);
  const width = scaled.length + numbers.filter((encoding) => encoding.flagged).length;
  const dense = new Float32Array(table.rows * width);
  const codes: Int32Array[] = [];
  const sizes: number[] = [];
  let at = 0;
  let flagAt = scaled.length;
  encodings.forEach((encoding, i) => {
    const column = table.columns[i]!;
    if (encoding.kind === 'number' && column.kind === 'number') {
      if (encoding.scale > 0) standardise(encoding, column.values, dense, at++, width);
      if (encoding.flagged) flag(column.values, dense, flagAt++, width);
    } else if (encoding.kind === 'category' && column.kind === 'category') {
      codes.push(encodeCategory(encoding, column));
      sizes.push(encoding.values.length + 1);
    }
  });
  return { rows: table.rows, width, dense, codes, sizes };
}

function standardise(
  { mean, scale }: NumberEncoding,
  values: Float64Array,
  dense: Float32Array,
  first: number,
  width: number,
): void {
  for (let row = 0, at = first; row < values.length; row++, at += width) {
    const value = Math.fround(values[row]!);
    const scaled = known(value) ? Math.fround(Math.fround(value - mean) * scale) : 0;
    dense[at] = Math.min(Math.max(scaled, -cut), cut);
  }
}

function flag(values: Float64Array, dense: Float32Array, first: number, width: number): void {
  for (let row = 0, at = first; row < values.length; row++, at += width) {
    dense[at] = known(Math.fround(values[row]!)) ? 0 : 1;
  }
}

function encodeCategory({ values }: CategoryEncoding, { dictionary, codes }: CategoryColumn): Int32Array {
  const places = placesOf(dictionary, values);
  return codes.map((code) => (code < 0 ? 0 : places[code]!));
}
