import type { Cell, PipelineSpec } from '@relearn/contracts';
import { type ColumnCheck, quote } from './column-check.js';

/** Columns of a label record. */
export const labelColumns = { event: 'event_id', value: 'value' } as const;

/** What a label record must hold: the row's id, a value that the task can learn, and the column that shards. */
export function labelChecks(spec: PipelineSpec): ColumnCheck[] {
  const { shard_by: shardBy } = spec.source;
  return [eventIdCheck, valueCheck(spec), ...(shardBy === undefined ? [] : [anyText(shardBy)])];
}

const eventIdCheck: ColumnCheck = {
  name: labelColumns.event,
  nullable: false,
  accept: (cell) => (typeof cell === 'string' && cell !== '' ? cell : null),
  explain: (cell) => ({ code: 'TYPE', column: labelColumns.event, message: `${quote(cell)} is no id of a row` }),
};

function anyText(name: string): ColumnCheck {
  return {
    name,
    nullable: false,
    accept: (cell) => cell,
    explain: (cell) => ({ code: 'TYPE', column: name, message: `${quote(cell)} is no value` }),
  };
}

function valueCheck(spec: PipelineSpec): ColumnCheck {
  const { task } = spec.train;
  const { classes } = spec.label;
  const known = new Set(classes);
  const isClass = (value: number | string) =>
    known.has(String(value)) ||
    (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < classes.length);
  const accept = (cell: Exclude<Cell, null>): Exclude<Cell, null> | null => {
    const value = typeof cell === 'boolean' ? numberOfBoolean(cell, classes) : cell;
    if (task === 'regression') return typeof value === 'number' && Number.isFinite(value) ? value : null;
    return isClass(value) ? value : null;
  };
  const wanted = task === 'regression' ? 'a finite number' : `one of the classes ${classes.join(', ')}`;
  return {
    name: labelColumns.value,
    nullable: false,
    accept,
    explain: (cell) => ({
      code: 'LABEL_VALUE',
      column: labelColumns.value,
      message: `${quote(cell)} is not ${wanted}`,
    }),
  };
}

/** 0 or 1; where the two classes are written `true` and `false`, the second of them is 1. */
function numberOfBoolean(value: boolean, classes: readonly string[]): number {
  const place = classes.length === 2 ? classes.indexOf(String(value)) : -1;
  return place >= 0 ? place : Number(value);
}
