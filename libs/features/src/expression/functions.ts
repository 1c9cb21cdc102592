import type { Cell } from '@relearn/contracts';
import { categoryOf, timestampOf } from '../values.js';
import { dayOfMonth, dayOfWeek, dayOfYear, minuteOfDay, month, year } from './calendar.js';

export type ExpressionType = 'number' | 'boolean' | 'string' | 'timestamp';

export interface ExpressionFunction {
  readonly input: ExpressionType | 'any';
  /** `same`: the type of the inputs, which must agree. */
  readonly result: ExpressionType | 'same';
  readonly atLeast: number;
  readonly atMost: number;
  /** Null in, null out, unless `seesNull`. */
  readonly apply: (inputs: readonly Cell[]) => Cell;
  readonly seesNull?: true;
}

function ofTime(part: (ms: number) => number): ExpressionFunction {
  const apply = ([input]: readonly Cell[]): Cell => {
    const ms = timestampOf(input);
    return ms === null ? null : part(ms);
  };
  return { input: 'timestamp', result: 'number', atLeast: 1, atMost: 1, apply };
}

function ofNumber(compute: (value: number) => number): ExpressionFunction {
  const apply = ([input]: readonly Cell[]): Cell => {
    const value = typeof input === 'number' ? compute(input) : Number.NaN;
    return Number.isFinite(value) ? value : null;
  };
  return { input: 'number', result: 'number', atLeast: 1, atMost: 1, apply };
}

function extreme(choose: (a: number, b: number) => number): ExpressionFunction {
  const apply = (inputs: readonly Cell[]): Cell => {
    let best: number | null = null;
    for (const input of inputs) {
      if (typeof input !== 'number') return null;
      best = best === null ? input : choose(best, input);
    }
    return best;
  };
  return { input: 'number', result: 'number', atLeast: 1, atMost: 64, apply };
}

function ofText(compute: (text: string) => Cell, result: ExpressionType): ExpressionFunction {
  const apply = ([input]: readonly Cell[]): Cell => (typeof input === 'string' ? compute(input) : null);
  return { input: 'string', result, atLeast: 1, atMost: 1, apply };
}

function ofTexts(compute: (text: string, part: string) => boolean): ExpressionFunction {
  const apply = ([text, part]: readonly Cell[]): Cell =>
    typeof text === 'string' && typeof part === 'string' ? compute(text, part) : null;
  return { input: 'string', result: 'boolean', atLeast: 2, atMost: 2, apply };
}

/**
 * What an expression may call. All are exact on every machine: there is no exp, log or power, whose last bit differs
 * between mathematical libraries. `round` rounds halves away from zero; `length` counts UTF-16 code units.
 */
export const expressionFunctions: ReadonlyMap<string, ExpressionFunction> = new Map([
  ['hour', ofTime((ms) => Math.floor(minuteOfDay(ms) / 60))],
  ['minute', ofTime((ms) => minuteOfDay(ms) % 60)],
  ['minute_of_day', ofTime(minuteOfDay)],
  ['day_of_week', ofTime(dayOfWeek)],
  ['day_of_month', ofTime(dayOfMonth)],
  ['day_of_year', ofTime(dayOfYear)],
  ['month', ofTime(month)],
  ['year', ofTime(year)],
  ['abs', ofNumber(Math.abs)],
  ['floor', ofNumber(Math.floor)],
  ['ceil', ofNumber(Math.ceil)],
  ['round', ofNumber((value) => (value < 0 ? -Math.round(-value) : Math.round(value)))],
  ['sqrt', ofNumber(Math.sqrt)],
  ['min', extreme(Math.min)],
  ['max', extreme(Math.max)],
  ['length', ofText((text) => text.length, 'number')],
  ['lower', ofText((text) => text.toLowerCase(), 'string')],
  ['upper', ofText((text) => text.toUpperCase(), 'string')],
  ['contains', ofTexts((text, part) => text.includes(part))],
  ['starts_with', ofTexts((text, part) => text.startsWith(part))],
  [
    'concat',
    {
      input: 'any',
      result: 'string',
      atLeast: 1,
      atMost: 64,
      apply: (inputs) => inputs.map((input) => categoryOf(input)).join(''),
    },
  ],
  [
    'coalesce',
    {
      input: 'any',
      result: 'same',
      atLeast: 1,
      atMost: 64,
      apply: (inputs) => inputs.find((input) => input !== null) ?? null,
      seesNull: true,
    },
  ],
]);
