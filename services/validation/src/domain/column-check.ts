import type { Cell, ColumnSpec } from '@relearn/contracts';
import { parseTimestamp } from '@relearn/kernel';

type Value = Exclude<Cell, null>;

/** Why a record is not valid; codes are those of `reasonCodes`. */
export interface Reason {
  readonly code: ReasonCode;
  readonly column: string;
  readonly message: string;
}

export const reasonCodes = [
  'UNKNOWN_STREAM',
  'UNKNOWN_COLUMN',
  'LABEL_COLUMN',
  'NULL',
  'TYPE',
  'RANGE',
  'VALUES',
  'PATTERN',
  'LABEL_VALUE',
] as const;
export type ReasonCode = (typeof reasonCodes)[number];

/** What one column's cells must be. */
export interface ColumnCheck {
  readonly name: string;
  readonly nullable: boolean;
  /** The cell as the platform keeps it (a number in a column of texts becomes its text); null when it breaks the contract. */
  accept(cell: Value): Value | null;
  /** Why `accept` refuses the cell. */
  explain(cell: Value): Reason;
}

/** Compiles the contract of a column. */
export function columnCheck(name: string, spec: ColumnSpec): ColumnCheck {
  const typed = typeCheck(spec.type);
  const within = rangeCheck(spec);
  const values = spec.values === undefined ? undefined : new Set(spec.values);
  // As in JSON Schema, a pattern may match anywhere unless it has anchors.
  const pattern = spec.pattern === undefined ? undefined : new RegExp(spec.pattern);
  const accept = (cell: Value): Value | null => {
    const value = typed(cell);
    if (value === null) return null;
    if (within !== undefined && !within(value)) return null;
    if (values !== undefined && !values.has(String(value))) return null;
    if (pattern !== undefined && !pattern.test(String(value))) return null;
    return value;
  };
  const explain = (cell: Value): Reason => {
    const value = typed(cell);
    const shown = quote(cell);
    if (value === null) return { code: 'TYPE', column: name, message: `${shown} is no ${spec.type}` };
    if (within !== undefined && !within(value)) {
      const [least, greatest] = spec.range ?? [null, null];
      return { code: 'RANGE', column: name, message: `${shown} is not in [${least ?? ''}, ${greatest ?? ''}]` };
    }
    if (values !== undefined && !values.has(String(value))) {
      return { code: 'VALUES', column: name, message: `${shown} is none of the ${values.size} declared values` };
    }
    return { code: 'PATTERN', column: name, message: `${shown} does not match ${spec.pattern}` };
  };
  return { name, nullable: spec.nullable, accept, explain };
}

/** The value in a reason: its JSON, cut. */
export function quote(cell: Cell): string {
  const text = JSON.stringify(cell);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function typeCheck(type: ColumnSpec['type']): (cell: Value) => Value | null {
  switch (type) {
    case 'number':
      return (cell) => (typeof cell === 'number' && Number.isFinite(cell) ? cell : null);
    case 'integer':
      return (cell) => (Number.isSafeInteger(cell) ? cell : null);
    case 'boolean':
      return (cell) => (typeof cell === 'boolean' ? cell : null);
    case 'category':
    case 'string':
      return (cell) => (typeof cell === 'string' ? cell : String(cell));
    case 'timestamp':
      return (cell) => (typeof cell === 'string' && parseTimestamp(cell) !== null ? cell : null);
  }
}

function rangeCheck(spec: ColumnSpec): ((value: Value) => boolean) | undefined {
  if (spec.range === undefined || (spec.type !== 'number' && spec.type !== 'integer')) return undefined;
  const least = spec.range[0] ?? Number.NEGATIVE_INFINITY;
  const greatest = spec.range[1] ?? Number.POSITIVE_INFINITY;
  return (value) => typeof value === 'number' && value >= least && value <= greatest;
}
