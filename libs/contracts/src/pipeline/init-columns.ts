import { parseTimestamp, RelearnError } from '@relearn/kernel';
import { suggest } from './did-you-mean.js';
import type { ColumnType } from './resolve-columns.js';
import type { Task } from './spec.js';

/** What is known of a column of the data, as a profile of the table gives it. */
export interface ColumnProfile {
  readonly name: string;
  readonly type: 'integer' | 'number' | 'boolean' | 'timestamp' | 'string';
  /** Nulls among them included. */
  readonly rows: number;
  readonly nulls: number;
  /** Distinct values that are not null; 1,000 means at least as many. */
  readonly distinct: number;
  /** Timestamps are ISO texts; integers that no number holds are texts. */
  readonly min: string | number | boolean | null;
  readonly max: string | number | boolean | null;
  /** The most frequent first. */
  readonly topValues: readonly { readonly value: string | number | boolean; readonly count: number }[];
  /** A column of timestamps, or of texts that all are times. */
  readonly looksLikeTimestamp: boolean;
}

/** The times of a column, ms. */
export interface TimesOfColumn {
  /** Rows that hold a time. */
  readonly count: number;
  /** Rows that hold something else than a time. */
  readonly unreadable: number;
  readonly min: number | null;
  readonly max: number | null;
  /** What they span but for a few wild ones. */
  readonly span: number;
}

/** The times of rows and of when their labels are known. */
export interface TimesProfile {
  readonly time: TimesOfColumn;
  readonly known?: TimesOfColumn;
  /** From a row's time to when its label is known: of 99 % of the rows, and of all. */
  readonly delay?: { readonly p99: number; readonly max: number };
}

export interface InferPipelineInput {
  /** Name of the pipeline. */
  readonly name: string;
  /** Path of the data file as the pipeline file is to name it. */
  readonly dataFile: string;
  readonly time: string;
  readonly label: string;
  readonly id: readonly string[];
  /** Column with the time at which the label is known; or `labelDelayMs`; with neither, it is known at once. */
  readonly knownAt?: string;
  readonly labelDelayMs?: number;
  readonly task?: Task;
  readonly profiles: readonly ColumnProfile[];
  /** Without it the ends of the two columns are all that is known of times, and each must hold times only. */
  readonly times?: TimesProfile;
}

const fewTexts = 200;
const fewShare = 0.05;
/** Where nearly every row has a text of its own, it is no category however few rows there are. */
const mostShare = 0.5;
const countedDistinct = 1000;

/** The type that a pipeline file gives a column. Few texts make a category. */
export function inferColumnType(profile: ColumnProfile): ColumnType {
  const { type, rows, nulls, distinct, min, max } = profile;
  if (profile.looksLikeTimestamp) return 'timestamp';
  // An integer beyond what a number holds exactly comes as a text: only its identity means something.
  const texts = type === 'string' || (type === 'integer' && (typeof min === 'string' || typeof max === 'string'));
  if (!texts) return type;
  const values = rows - nulls;
  if (distinct <= fewTexts) return distinct <= Math.max(2, values * mostShare) ? 'category' : 'string';
  return distinct < countedDistinct && distinct <= values * fewShare ? 'category' : 'string';
}

/** The profile of a column that the user names; throws INVALID_INPUT when there is none. */
export function profileOf(profiles: readonly ColumnProfile[], name: string, what: string): ColumnProfile {
  const profile = profiles.find((candidate) => candidate.name === name);
  if (profile !== undefined) return profile;
  const names = profiles.map((candidate) => candidate.name);
  throw unusable(`the data has no column '${name}' (${what})`, suggest(name, names, 'Its columns'));
}

export function unusable(message: string, remedy: string): RelearnError {
  return new RelearnError('INVALID_INPUT', message, { remedy });
}

export interface Span {
  readonly from: number;
  readonly to: number;
  /** ms; what a few wild times add is left out where they can be told. */
  readonly length: number;
  /** Whether every row has a time. */
  readonly complete: boolean;
}

/** A column whose rows hold something else than a time more often than this is no column of times. */
const mostUnreadable = 0.1;

/** Least and greatest time of a column, ms; throws INVALID_INPUT when it holds none. */
export function spanOf(profile: ColumnProfile, what: string, times?: TimesOfColumn): Span {
  const { name, type, min, max, nulls, rows } = profile;
  if (times !== undefined && times.min !== null && times.max !== null && times.unreadable <= mostUnreadable * rows) {
    return { from: times.min, to: times.max, length: times.span, complete: times.count === rows };
  }
  const from = parseTimestamp(String(min));
  const to = parseTimestamp(String(max));
  if (profile.looksLikeTimestamp && from !== null && to !== null) {
    return { from, to, length: to - from, complete: nulls === 0 };
  }
  const found = profile.nulls === profile.rows ? 'it is empty' : `it holds ${type}s such as ${JSON.stringify(min)}`;
  const remedy = 'Write times as ISO 8601, such as 2024-01-31T12:30:00Z, or name another column.';
  throw unusable(`column '${name}' (${what}) holds no times: ${found}`, remedy);
}

/** Refuses columns that are not there or play two parts that exclude each other. Throws INVALID_INPUT. */
export function checkRoles(input: InferPipelineInput): void {
  const { profiles, time, label, id, knownAt, labelDelayMs } = input;
  if (!/^[a-z][a-z0-9_-]{0,62}$/.test(input.name)) {
    throw unusable(
      `'${input.name}' is no name for a pipeline`,
      'Use small letters, digits, - and _; begin with a letter.',
    );
  }
  if (knownAt !== undefined && labelDelayMs !== undefined) {
    throw unusable('both a known-at column and a delay say when the label is known', 'Give one of the two.');
  }
  const roles = new Map<string, string>();
  const take = (name: string, role: string) => {
    profileOf(profiles, name, role);
    const other = roles.get(name);
    if (other !== undefined) throw unusable(`'${name}' cannot be ${other} and ${role}`, 'Name another column.');
    roles.set(name, role);
  };
  take(time, 'the event time');
  take(label, 'the label');
  if (knownAt !== undefined) take(knownAt, "the label's known-at time");
  for (const name of id) {
    profileOf(profiles, name, 'an id');
    const role = roles.get(name);
    if (role !== undefined && name !== time)
      throw unusable(`'${name}' cannot be ${role} and an id`, 'Name another column.');
  }
}
