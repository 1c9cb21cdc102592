import { type ColumnProfile, inferColumnType, type InferPipelineInput, profileOf, unusable } from './init-columns.js';
import type { Task } from './spec.js';

export interface InferredLabel {
  readonly task: Task;
  /** As they are in the data, in their order; empty for regression and where 0 and 1 are implied. */
  readonly classes: readonly (string | number)[];
  readonly notes: readonly string[];
}

const fewIntegers = 10;
/** As many as a profile lists. */
const mostClasses = 100;

/** Task and classes that the label's values suggest. Throws INVALID_INPUT where they cannot be learned. */
export function inferLabel(input: InferPipelineInput): InferredLabel {
  const profile = profileOf(input.profiles, input.label, 'the label');
  const { name, distinct } = profile;
  if (distinct === 0) throw unusable(`the label '${name}' is empty`, 'Name another column.');
  if (distinct === 1) {
    const value = JSON.stringify(profile.topValues[0]?.value ?? null);
    throw unusable(
      `the label '${name}' is always ${value}: there is nothing to learn`,
      'Name another column, or give more data.',
    );
  }
  if (profile.looksLikeTimestamp) throw unusable(`the label '${name}' is a time`, 'Name another column.');
  const notes: string[] = [];
  const task = input.task ?? inferTask(profile);
  if (input.task === undefined)
    notes.push(`The label has ${countText(distinct)} values: the task is ${task}. --task says otherwise.`);
  if (task === 'regression') {
    if (isText(profile)) throw unusable(`the label '${name}' holds texts: no regression`, 'Use --task multiclass.');
    return { task, classes: [], notes };
  }
  const classes = classesOf(profile, task);
  if (task === 'binary')
    notes.push(`The model gives the probability of ${JSON.stringify(classes[1])}, the second class.`);
  const implied = task === 'binary' && (profile.type === 'boolean' || (classes[0] === 0 && classes[1] === 1));
  return { task, classes: implied ? [] : classes, notes };
}

function countText(distinct: number): string {
  return distinct >= 1000 ? '1,000 or more' : String(distinct);
}

function isText(profile: ColumnProfile): boolean {
  const type = inferColumnType(profile);
  return type === 'category' || type === 'string';
}

function inferTask(profile: ColumnProfile): Task {
  const { distinct, topValues } = profile;
  if (distinct === 2) return 'binary';
  if (isText(profile)) return 'multiclass';
  const integers = topValues.every(({ value }) => Number.isInteger(value));
  return integers && distinct <= fewIntegers ? 'multiclass' : 'regression';
}

function classesOf(profile: ColumnProfile, task: Task): (string | number)[] {
  const { name, distinct, topValues } = profile;
  if (task === 'binary' && distinct !== 2) {
    const remedy = 'Use --task multiclass or regression, or write a condition over it as label.expression.';
    throw unusable(`the label '${name}' has ${countText(distinct)} values: a binary one has two`, remedy);
  }
  if (distinct > Math.min(mostClasses, topValues.length)) {
    const remedy = 'Name another column, or group its values into fewer.';
    throw unusable(
      `the label '${name}' has ${countText(distinct)} values: at most ${mostClasses} classes are possible`,
      remedy,
    );
  }
  const values = topValues.map(({ value }) => (typeof value === 'boolean' ? Number(value) : value));
  const byFrequency = new Map(values.map((value, place) => [value, place]));
  return values.sort((a, b) => order(a, b, task === 'binary' ? byFrequency : undefined));
}

const affirmative = /^(y|yes|t|true|1|positive|pos|bad|fail|failed|failure|fraud|churn|churned|late|default)$/i;
const negative = /^(n|no|f|false|0|negative|neg|good|ok|pass|passed|none|normal|legit|retained|on time)$/i;

/** Numbers by size. Of two texts the one that denies comes first, else the more frequent; of several by code unit. */
function order(
  a: string | number,
  b: string | number,
  byFrequency: ReadonlyMap<string | number, number> | undefined,
): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (byFrequency !== undefined) {
    const byWord = sign(String(a)) - sign(String(b));
    return byWord === 0 ? (byFrequency.get(a) ?? 0) - (byFrequency.get(b) ?? 0) : byWord;
  }
  return String(a) < String(b) ? -1 : 1;
}

function sign(text: string): number {
  if (affirmative.test(text)) return 1;
  return negative.test(text) ? -1 : 0;
}
