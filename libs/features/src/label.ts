import type { Cell, PipelineSpec } from '@relearn/contracts';
import { checkExpression } from './expression/check.js';
import { compileExpression } from './expression/compile.js';
import { type ColumnType, isNumeric, numberOf, windowNumberOf } from './values.js';

/** Columns of a record in the stream of labels: the row it belongs to, and its value. */
export const labelColumns = { event: 'event_id', value: 'value' } as const;

/** Type of each column of the rows. */
export function columnTypes(spec: PipelineSpec): Record<string, ColumnType> {
  return Object.fromEntries(Object.entries(spec.schema.columns).map(([name, column]) => [name, column.type]));
}

/** Columns that rows lack because they are known only with the label. */
export function labelOnlyColumns(spec: PipelineSpec): Set<string> {
  const names = Object.entries(spec.schema.columns)
    .filter(([, column]) => column.known_at === 'label')
    .map(([name]) => name);
  const { column, known_at: knownAt } = spec.label;
  return new Set([...names, ...(column === undefined ? [] : [column]), ...(knownAt === undefined ? [] : [knownAt])]);
}

/** Whether labels are numbers (booleans are 0 and 1) or class texts. Throws INVALID_PIPELINE for a wrong expression. */
export function labelKind(spec: PipelineSpec): 'number' | 'text' {
  const { column, expression } = spec.label;
  if (expression !== undefined) {
    return checkExpression(expression, columnTypes(spec)).type === 'string' ? 'text' : 'number';
  }
  const type = column === undefined ? undefined : spec.schema.columns[column]?.type;
  return type === undefined || isNumeric(type) ? 'number' : 'text';
}

/**
 * The label of a raw record that still has every column: 0 or 1 for a boolean, a finite number, a class text, or null
 * when it is not known. Throws INVALID_PIPELINE for a wrong expression.
 */
export function labelValue(spec: PipelineSpec): (values: Record<string, Cell>) => number | string | null {
  const { column, expression } = spec.label;
  const normalize = labelNormalizer(spec);
  if (expression !== undefined) {
    const evaluate = compileExpression(expression, columnTypes(spec));
    return (values) => normalize(evaluate((name) => values[name] ?? null));
  }
  return (values) => normalize(column === undefined ? null : values[column]);
}

/**
 * A label as the platform keeps it. A boolean is 0 or 1; where the two classes are written `true` and `false`, the
 * second of them is 1.
 */
export function labelNormalizer(spec: PipelineSpec): (value: Cell | undefined) => number | string | null {
  const { classes } = spec.label;
  return (value) => {
    if (typeof value === 'string') return value;
    const place = typeof value === 'boolean' && classes.length === 2 ? classes.indexOf(String(value)) : -1;
    return place >= 0 ? place : numberOf(value);
  };
}

/** A label as windows add it up: 1 for the second of two classes and 0 for the first, else the number. */
export function windowLabelOf(spec: PipelineSpec): (value: number | string) => number | null {
  const { classes } = spec.label;
  return (value) => {
    const place = classes.length === 2 ? classes.indexOf(String(value)) : -1;
    if (place >= 0) return place;
    return typeof value === 'number' ? windowNumberOf(value) : null;
  };
}
