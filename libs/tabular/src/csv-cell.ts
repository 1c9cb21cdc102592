import { formatTimestamp, parseTimestamp } from '@relearn/kernel';
import type { Cell, ColumnType } from './table.js';
import { finiteCell, integerCell, kind } from './value-kind.js';

const nullTexts: ReadonlySet<string> = new Set(['', 'NA', 'NaN', 'nan', 'null', 'NULL', '<NA>', 'N/A']);
const integerPattern = /^[+-]?(?:0|[1-9]\d*)$/;
// As in the R package readr, digits after a leading zero are a code (007, a ZIP code), not a number.
const numberPattern = /^[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
/** Numbers that are not finite: they come as null. */
const infinitePattern = /^[+-]?inf(?:inity)?$/i;
const booleanPattern = /^(?:true|false)$/i;

/** What a CSV field can be taken for. Blanks around a value count only when it is a text. */
export function kindOfField(field: string): number {
  const text = field.trim();
  if (nullTexts.has(text)) return kind.none;
  if (integerPattern.test(text)) return kind.integer;
  if (numberPattern.test(text) || infinitePattern.test(text)) return kind.number;
  if (booleanPattern.test(text)) return kind.boolean;
  return parseTimestamp(text) === null ? kind.text : kind.timestamp;
}

/** The cell of a CSV field in a column of the type; undefined when the field does not fit the type. */
export function cellOfField(field: string, type: ColumnType): Cell | undefined {
  if (nullTexts.has(field)) return null;
  if (type === 'string') return field;
  const text = field.trim();
  if (nullTexts.has(text)) return null;
  switch (type) {
    case 'integer':
      return integerPattern.test(text) ? integerOf(text) : undefined;
    case 'number':
      if (numberPattern.test(text)) return finiteCell(Number(text));
      return infinitePattern.test(text) ? null : undefined;
    case 'boolean':
      return booleanPattern.test(text) ? text.toLowerCase() === 'true' : undefined;
    case 'timestamp': {
      const ms = parseTimestamp(text);
      return ms === null ? undefined : formatTimestamp(ms);
    }
  }
}

function integerOf(text: string): number | string {
  const near = Number(text);
  if (Number.isSafeInteger(near)) return near === 0 ? 0 : near;
  return integerCell(BigInt(text.startsWith('+') ? text.slice(1) : text));
}
