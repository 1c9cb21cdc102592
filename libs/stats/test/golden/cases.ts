import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { decode, type Input, number, type Value } from './recipes.js';

export interface Case {
  readonly id: string;
  readonly method: string;
  readonly params: Readonly<Record<string, Value>>;
  readonly inputs: Readonly<Record<string, Input>>;
  readonly expected: Readonly<Record<string, unknown>>;
  readonly tol?: Tolerance;
  readonly tags?: readonly string[];
}

export interface Tolerance {
  readonly abs?: number;
  readonly rel?: number;
  readonly sq?: number;
  readonly p_rel?: number;
  readonly p_abs?: number;
}

/** The cases of one family of the corpus. */
export function readCases(family: string): Case[] {
  const path = new URL(`./${family}.jsonl.gz`, import.meta.url);
  const lines = gunzipSync(readFileSync(path)).toString('utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Case);
}

const decoded = new Map<string, Value[]>();

/** The column of a case's input; methods share recipes, so each is built once. */
export function columnOf(from: Case, name: string): Value[] {
  const input = from.inputs[name];
  if (input === undefined) throw new Error(`${from.id} has no input ${name}`);
  if (!('generator' in input)) return decode(input);
  const key = JSON.stringify(input);
  const values = decoded.get(key) ?? decode(input);
  decoded.set(key, values);
  return values;
}

export const numbersOf = (from: Case, name: string): number[] => columnOf(from, name).map(Number);

function closeNumbers(want: number, got: number, key: string, tol: Tolerance, whole: boolean): boolean {
  if (!Number.isFinite(want)) return Object.is(want, got);
  if (key === 'p_value') return Math.abs(want - got) <= (tol.p_rel ?? 1e-6) * Math.abs(want) + (tol.p_abs ?? 1e-300);
  if (whole) return want === got;
  if (tol.sq !== undefined && Math.abs(want * want - got * got) <= tol.sq) return true;
  if (tol.rel !== undefined && Math.abs(want - got) > tol.rel * Math.abs(want) + 1e-300) return false;
  return Math.abs(want - got) <= (tol.abs ?? 1e-9) * Math.max(1, Math.abs(want));
}

const wholeKeys = new Set(['bins', 'counts', 'first_counts', 'sum_of_squared_counts', 'rounds_used', 'dof']);

/** The corpus' comparison: numbers within their tolerance; counts, booleans and words equal; NaN is NaN. */
export function close(want: unknown, got: unknown, key: string, tol: Tolerance): boolean {
  if (Array.isArray(want)) {
    return Array.isArray(got) && got.length === want.length && want.every((w, i) => close(w, got[i], key, tol));
  }
  const expected = number(want as Value);
  if (typeof expected !== 'number') return expected === got;
  return typeof got === 'number' && closeNumbers(expected, got, key, tol, wholeKeys.has(key));
}

/** What differs between a case and what we compute, or undefined. An expected error compares its state alone. */
export function difference(from: Case, got: Readonly<Record<string, unknown>>): string | undefined {
  const keys = 'error' in from.expected ? ['state'] : Object.keys(from.expected);
  const bad = keys.filter((key) => !close(from.expected[key], got[key], key, from.tol ?? {}));
  if (bad.length === 0) return undefined;
  return bad.map((key) => `${from.id}: ${key} is ${String(got[key])}, not ${String(from.expected[key])}`).join('; ');
}
