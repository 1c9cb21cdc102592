import { parseDuration } from '@relearn/kernel';
import { defaults } from './defaults.js';
import { isCondition, namesIn } from './expression-names.js';
import type { PipelineFile } from './file-schema.js';
import type { Report } from './resolve-columns.js';
import type { Tables } from './resolve-source.js';
import type { ColumnSpec, LabelSpec, Task } from './spec.js';

type FileLabel = PipelineFile['label'];

/** What of a row is known at its event time, whatever the label says. */
function rowKeys(file: PipelineFile): Map<string, string> {
  const keys = new Map<string, string>();
  for (const name of file.entity ?? []) keys.set(name, 'part of the entity');
  if (file.source.shard_by !== undefined) keys.set(file.source.shard_by, 'the column that shards');
  for (const name of file.source.rows.id ?? []) keys.set(name, "part of a row's id");
  keys.set(file.source.rows.time, 'the event time');
  return keys;
}

/** Marks what is known only with the label: the columns of `label`, whether or not the file says so of them. */
export function markLabelColumns(file: PipelineFile, tables: Tables, report: Report): void {
  const keys = rowKeys(file);
  const { column, expression, known_at } = file.label;
  for (const [name, path] of [[column, 'column'] as const, [known_at, 'known_at'] as const]) {
    if (name === undefined) continue;
    const key = keys.get(name);
    if (key !== undefined) {
      report(['label', path], `'${name}' is ${key}: it is known before the label`, 'Name another column.');
    } else tables.rows.markKnownWithLabel(name);
  }
  for (const name of namesIn(expression ?? '')) if (!keys.has(name)) tables.rows.markKnownWithLabel(name);
  for (const [name, what] of keys) {
    if (!tables.rows.isKnownWithLabel(name)) continue;
    const remedy = 'Remove `known_at: label`, or use another column there.';
    report(['schema', 'columns', name, 'known_at'], `'${name}' is ${what}: it must be known with the row`, remedy);
  }
}

/** The task as the file says it, or as its label suggests; undefined where the label is too wrong to tell. */
export function resolveTask(file: PipelineFile, tables: Tables): Task | undefined {
  const { column, expression, classes } = file.label;
  if (file.train?.task !== undefined) return file.train.task;
  if (classes !== undefined && classes.length > 0) return classes.length > 2 ? 'multiclass' : 'binary';
  if ((column === undefined) === (expression === undefined)) return undefined;
  if (column === undefined) return isCondition(expression ?? '') ? 'binary' : 'regression';
  const spec = tables.rows.specs.get(column);
  if (spec === undefined) return undefined;
  if (spec.type === 'boolean') return 'binary';
  if (spec.type === 'category' || spec.type === 'string') return spec.values?.length === 2 ? 'binary' : 'multiclass';
  return 'regression';
}

/** `label` with its defaults, for the task where that is known. */
export function resolveLabel(file: PipelineFile, task: Task | undefined, tables: Tables, report: Report): LabelSpec {
  const { column, expression, known_at, delay, max_delay } = file.label;
  if (column !== undefined && expression !== undefined) {
    report(['label', 'expression'], 'the label is both a column and an expression', 'Remove one of the two.');
  } else if (column === undefined && expression === undefined) {
    report(['label'], 'the label is neither a column nor an expression', "Add 'column' or 'expression'.", 'key');
  }
  const spec = column === undefined ? undefined : tables.rows.use(column, ['label', 'column']);
  if (known_at !== undefined) {
    tables.rows.use(known_at, ['label', 'known_at'], ['timestamp']);
    if (delay !== undefined) {
      report(['label', 'delay'], 'delay and known_at both say when the label is known', 'Remove one of the two.');
    }
  }
  const delayMs = parseDuration(delay ?? defaults.labelDelay);
  const maxDelayMs = max_delay === undefined ? defaultMaxDelay(known_at, delayMs) : parseDuration(max_delay);
  if (maxDelayMs < delayMs) {
    report(
      ['label', 'max_delay'],
      'max_delay is shorter than delay: every label would count as missing',
      'Write a longer one.',
    );
  }
  return {
    ...(column === undefined ? {} : { column }),
    ...(expression === undefined ? {} : { expression }),
    ...(known_at === undefined ? {} : { known_at }),
    delay: delayMs,
    max_delay: maxDelayMs,
    classes: task === undefined ? [] : resolveClasses(file.label, task, spec, report),
  };
}

function defaultMaxDelay(knownAt: string | undefined, delayMs: number): number {
  if (knownAt !== undefined) return parseDuration(defaults.maxDelayOfKnownAt);
  return Math.max(2 * delayMs, parseDuration(defaults.leastMaxDelay));
}

const classesPath = ['label', 'classes'];

function resolveClasses(label: FileLabel, task: Task, spec: ColumnSpec | undefined, report: Report): string[] {
  const given = (label.classes ?? []).map((value) =>
    typeof value === 'boolean' ? booleanText(value, spec) : String(value),
  );
  if (task === 'regression') {
    if (given.length > 0) report(classesPath, 'a regression has no classes', 'Remove them, or set train.task.');
    if (spec !== undefined && spec.type !== 'number' && spec.type !== 'integer' && spec.type !== 'boolean') {
      const remedy = 'Name a number or integer column, or set train.task to binary or multiclass.';
      report(['label', 'column'], `a regression cannot predict a column of type ${spec.type}`, remedy);
    }
    return [];
  }
  if (spec?.type === 'timestamp') {
    report(['label', 'column'], 'a timestamp has no classes', 'Name another column, or write an expression over it.');
    return given;
  }
  const classes = given.length > 0 ? given : impliedClasses(task, label, spec);
  const place = label.classes === undefined ? ['label'] : classesPath;
  const at = label.classes === undefined ? 'key' : undefined;
  if (classes.length === 0 && spec === undefined && label.column !== undefined) return classes;
  const wanted = task === 'binary' ? classes.length === 2 : classes.length >= 2;
  if (!wanted) {
    const needs = task === 'binary' ? 'two classes' : 'at least two classes';
    const has = classes.length === 0 ? 'the file names none' : `there are ${classes.length}`;
    report(place, `a ${task} label needs ${needs}, ${has}`, 'List all classes in label.classes, in their order.', at);
  }
  classes.forEach((text, i) => checkClass(text, i, classes, spec, report));
  return classes;
}

function booleanText(value: boolean, spec: ColumnSpec | undefined): string {
  if (spec !== undefined && spec.type !== 'boolean') return String(value);
  return value ? '1' : '0';
}

function impliedClasses(task: Task, label: FileLabel, spec: ColumnSpec | undefined): string[] {
  if (spec?.values !== undefined) return [...spec.values];
  const texts = spec?.type === 'category' || spec?.type === 'string';
  const known = label.expression !== undefined || spec !== undefined;
  return task === 'binary' && known && !texts ? ['0', '1'] : [];
}

function checkClass(
  text: string,
  i: number,
  classes: readonly string[],
  spec: ColumnSpec | undefined,
  report: Report,
): void {
  const path = [...classesPath, i];
  if (classes.indexOf(text) < i) report(path, `class '${text}' stands twice`, 'Remove one of the two.');
  if (spec?.type === 'boolean' && text !== '0' && text !== '1') {
    report(path, `a boolean label is never '${text}'`, 'Its classes are 0 and 1.');
  }
  if ((spec?.type === 'number' || spec?.type === 'integer') && String(Number(text)) !== text) {
    report(path, `a label of type ${spec.type} is never '${text}'`, 'Write the number in its shortest form.');
  }
  if (spec?.values !== undefined && !spec.values.includes(text)) {
    report(path, `the label's column has no value '${text}'`, `Its values: ${spec.values.join(', ')}.`);
  }
}
