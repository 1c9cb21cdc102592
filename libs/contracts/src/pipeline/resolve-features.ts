import { parseDuration } from '@relearn/kernel';
import { defaults } from './defaults.js';
import { suggest } from './did-you-mean.js';
import { columnInExpression, namesIn } from './expression-names.js';
import type { FileFeature } from './file-data.js';
import type { PipelineFile } from './file-schema.js';
import type { Path } from './problems.js';
import type { ColumnTable, ColumnType, Report } from './resolve-columns.js';
import type { Tables } from './resolve-source.js';
import type { FeatureSpec, Task } from './spec.js';

type ValueType = FeatureSpec['type'];
type FeatureBlock = Exclude<FileFeature, string>;
type Of<Key extends string> = Extract<FeatureBlock, { [K in Key]: unknown }>;
type Aggregate = Of<'aggregate'>;

/** The type of model input that a column makes; undefined for a timestamp, which makes none. */
export function inputType(type: ColumnType): ValueType | undefined {
  if (type === 'timestamp') return undefined;
  return type === 'category' || type === 'string' ? 'category' : 'number';
}

/** Names of a model's outputs, which no input may have. */
const outputNames: ReadonlySet<string> = new Set(['label', 'prediction', 'probability', 'probabilities']);

/** A model input's name for a column: letters, digits and _; numbered where it is taken. */
export function featureNameFor(column: string, taken: ReadonlySet<string>): string {
  const plain = column.replace(/[^A-Za-z0-9_]+/g, '_');
  const base = (/^[A-Za-z_]/.test(plain) ? plain : `_${plain}`).slice(0, 120);
  let name = base;
  for (let i = 2; taken.has(name) || outputNames.has(name); i++) name = `${base}_${i}`;
  return name;
}

/** The parts of the event time from which a model learns the hours and days. */
export const timeParts = ['hour', 'day_of_week'] as const;

/** What the model gets when the file says nothing: `features` of the file's form. */
export function defaultFeatures(file: PipelineFile, rows: ColumnTable): FeatureSpec[] {
  const { time, id = [] } = file.source.rows;
  const features: FeatureSpec[] = [];
  const taken = new Set<string>();
  const add = (column: string, rest: { type: ValueType; column: string } | { type: ValueType; expression: string }) => {
    const name = featureNameFor(column, taken);
    taken.add(name);
    features.push({ name, ...rest });
  };
  for (const [column, { type, known_at }] of rows.specs) {
    const input = type === 'string' ? undefined : inputType(type);
    if (input === undefined || known_at === 'label' || column === time || id.includes(column)) continue;
    add(column, { type: input, column });
  }
  const timeName = columnInExpression(time);
  if (timeName === undefined) return features;
  for (const part of timeParts) add(part, { type: 'number', expression: `${part}(${timeName})` });
  return features;
}

/** `features` with names, types and defaults; reports what cannot be computed or is not known in time. */
export function resolveFeatures(file: PipelineFile, task: Task, tables: Tables, report: Report): FeatureSpec[] {
  if (file.features === undefined) {
    const features = defaultFeatures(file, tables.rows);
    if (features.length === 0) {
      report(
        [],
        'no column is left as a model input',
        "Add 'features', or columns that are known at the event time.",
        'key',
      );
    }
    return features;
  }
  const resolver = new FeatureResolver(file, task, tables, report);
  const features = file.features.map((feature, i) => resolver.resolve(feature, ['features', i]));
  features.forEach(({ name }, i) => {
    const path = typeof file.features?.[i] === 'string' ? ['features', i] : ['features', i, 'name'];
    if (outputNames.has(name)) report(path, `'${name}' is the name of a model's output`, 'Give it another name.');
    const first = features.findIndex((other) => other.name === name) === i;
    if (!first) report(path, `two features are called '${name}'`, 'Give one of them another name.');
  });
  return features;
}

class FeatureResolver {
  private readonly file: PipelineFile;
  private readonly task: Task;
  private readonly tables: Tables;
  private readonly report: Report;

  constructor(file: PipelineFile, task: Task, tables: Tables, report: Report) {
    this.file = file;
    this.task = task;
    this.tables = tables;
    this.report = report;
  }

  resolve(feature: FileFeature, path: Path): FeatureSpec {
    if (typeof feature === 'string') {
      return { name: featureNameFor(feature, new Set()), type: this.input(feature, path), column: feature };
    }
    const { name } = feature;
    if ('aggregate' in feature) return this.aggregate(feature, path);
    if ('lag' in feature) {
      const { lag, of, by } = feature;
      this.key(by, path);
      return { name, type: feature.type ?? this.input(of, [...path, 'of']), lag, of, by };
    }
    if ('join' in feature) return this.join(feature, path);
    if ('expression' in feature) {
      const { expression } = feature;
      const late = namesIn(expression).find((column) => this.tables.rows.isKnownWithLabel(column));
      if (late !== undefined) this.reportLate(late, [...path, 'expression']);
      return { name, type: feature.type ?? 'number', expression };
    }
    const { column } = feature;
    return { name, type: this.typed(feature, this.input(column, [...path, 'column']), path), column };
  }

  private reportLate(column: string, path: Path): void {
    const remedy = 'Earlier labels reach features through an aggregate `of: label`; this column only as part of them.';
    this.report(path, `column '${column}' is known only with the label`, remedy);
  }

  /** The column of the rows, if a feature may use it. */
  private known(column: string, path: Path) {
    const spec = this.tables.rows.use(column, path);
    if (spec?.known_at === 'label') this.reportLate(column, path);
    return spec;
  }

  /** The input type of a column of the rows. */
  private input(column: string, path: Path): ValueType {
    const spec = this.known(column, path);
    return spec === undefined ? 'number' : this.inputOf(column, spec.type, path);
  }

  private inputOf(column: string, type: ColumnType, path: Path): ValueType {
    const input = inputType(type);
    if (input === undefined) {
      const remedy = `Take a part of it with an expression, such as hour(${column}).`;
      this.report(path, `column '${column}' is a timestamp, which is no model input`, remedy);
    }
    return input ?? 'number';
  }

  /** The type the file gives, which may make a number a category but no text a number. */
  private typed(feature: FeatureBlock, found: ValueType, path: Path): ValueType {
    if (feature.type === 'number' && found === 'category') {
      this.report([...path, 'type'], 'texts are no numbers', 'Remove the type, or write category.');
    }
    return feature.type ?? found;
  }

  /** Checks the columns of a key, and that the key stays within a shard. */
  private key(by: readonly string[], path: Path): void {
    by.forEach((column, i) => this.known(column, [...path, 'by', i]));
    const shard = this.file.source.shard_by;
    if (shard !== undefined && !by.includes(shard)) {
      const remedy = `Add '${shard}' to by, or remove source.shard_by.`;
      this.report([...path, 'by'], `the key lacks '${shard}', by which the pipeline is sharded`, remedy);
    }
  }

  private aggregate(feature: Aggregate, path: Path): FeatureSpec {
    const { name, aggregate, of, by, window } = feature;
    this.key(by, path);
    const found = this.aggregateType(feature, path);
    const windowMs = parseDuration(window);
    if (windowMs <= 0) this.report([...path, 'window'], 'the window is empty', 'Write a duration above 0s.');
    const type = this.typed(feature, found, path);
    return { name, type, aggregate, ...(of === undefined ? {} : { of }), by, window: windowMs };
  }

  private aggregateType({ aggregate, of }: Aggregate, path: Path): ValueType {
    if (of === undefined) {
      if (aggregate !== 'count' && aggregate !== 'rate') {
        this.report(path, `the aggregate ${aggregate} needs a column`, "Add 'of': a column or `label`.", 'key');
      }
      return 'number';
    }
    const at = [...path, 'of'];
    const column = of === 'label' ? undefined : this.known(of, at);
    const text =
      of === 'label' ? this.task === 'multiclass' : column !== undefined && inputType(column.type) === 'category';
    const time = column?.type === 'timestamp';
    if (aggregate === 'count' || aggregate === 'rate' || aggregate === 'distinct') return 'number';
    if (aggregate === 'last' && !time) return text ? 'category' : 'number';
    if (text || time) {
      const what = of === 'label' ? 'the classes of the label' : `column '${of}' of type ${column?.type}`;
      this.report(
        at,
        `${what} cannot be taken as numbers by ${aggregate}`,
        'Use count, distinct or last, or a number column.',
      );
    }
    return 'number';
  }

  private join(feature: Of<'join'>, path: Path): FeatureSpec {
    const { name, join, column, max_age } = feature;
    const table = this.tables.context.get(join);
    if (!this.tables.isStream(join)) {
      const streams = Object.keys(this.file.source.context ?? {});
      this.report([...path, 'join'], `there is no context stream '${join}'`, suggest(join, streams, 'Streams'));
    }
    const spec = table?.use(column, [...path, 'column']);
    const found = spec === undefined ? 'number' : this.inputOf(column, spec.type, [...path, 'column']);
    const on = Array.isArray(feature.on) ? feature.on.map((key) => [key, key] as const) : Object.entries(feature.on);
    on.forEach(([row, context], i) => {
      const listed = Array.isArray(feature.on);
      const at = [...path, 'on', listed ? i : row];
      // In a list one name stands for both; what a block's key says is wrong is shown at the key's value all the same.
      const found = this.known(row, at);
      if (found !== undefined || !listed) table?.use(context, at);
    });
    return {
      name,
      type: this.typed(feature, found, path),
      join,
      column,
      on: Object.fromEntries(on),
      max_age: parseDuration(max_age ?? defaults.joinMaxAge),
    };
  }
}
