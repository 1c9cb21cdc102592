import type { FeatureSpec, PipelineSpec } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import { checkLabel } from './check-label.js';
import { checkExpression } from './expression/check.js';
import { columnTypes, labelKind, labelOnlyColumns } from './label.js';
import { didYouMean } from './nearest.js';
import { type ColumnType, isNumeric } from './values.js';

/** What is wrong at a place in the resolved pipeline. */
export interface FeatureFinding {
  path: (string | number)[];
  message: string;
  remedy?: string;
}

/**
 * Every semantic error of features, label and shard locality: unknown columns and streams, columns known only later,
 * types that do not go together, windows without length, keys that are not local to a shard. Empty: an engine can be made.
 */
export function checkFeatures(spec: PipelineSpec): FeatureFinding[] {
  const checker = new FeatureChecker(spec);
  checker.shards();
  const names = new Set<string>();
  spec.features.forEach((feature, index) => {
    const path = ['features', index];
    if (names.has(feature.name)) checker.report([...path, 'name'], `a second feature is named '${feature.name}'`);
    names.add(feature.name);
    checker.feature(feature, path);
  });
  return [...checkLabel(spec), ...checker.findings];
}

type Path = readonly (string | number)[];
type OfKind<K extends string> = Extract<FeatureSpec, Record<K, unknown>>;

const added = new Set(['sum', 'mean', 'min', 'max', 'std']);

class FeatureChecker {
  readonly findings: FeatureFinding[] = [];
  private readonly spec: PipelineSpec;
  /** Columns that a row has when it comes. */
  private readonly columns: ReadonlyMap<string, ColumnType>;
  private readonly labelOnly: ReadonlySet<string>;

  constructor(spec: PipelineSpec) {
    this.spec = spec;
    this.labelOnly = labelOnlyColumns(spec);
    this.columns = new Map(Object.entries(columnTypes(spec)).filter(([name]) => !this.labelOnly.has(name)));
  }

  report(path: Path, message: string, remedy?: string): void {
    this.findings.push({ path: [...path], message, ...(remedy === undefined ? {} : { remedy }) });
  }

  shards(): void {
    const { shard_by: shardBy } = this.spec.source;
    if (shardBy !== undefined) this.column(shardBy, ['source', 'shard_by']);
  }

  feature(feature: FeatureSpec, path: Path): void {
    if ('expression' in feature) this.expression(feature, path);
    else if ('aggregate' in feature) this.aggregate(feature, path);
    else if ('lag' in feature) this.lag(feature, path);
    else if ('join' in feature) this.join(feature, path);
    else this.fits(feature, this.column(feature.column, [...path, 'column']), path);
  }

  private column(name: string, path: Path): ColumnType | undefined {
    const type = this.columns.get(name);
    if (type !== undefined) return type;
    if (this.labelOnly.has(name)) {
      const remedy = 'What becomes known later reaches features only as an aggregate with `of: label`.';
      this.report(path, `column '${name}' is not known when the row comes`, remedy);
    } else this.report(path, `unknown column '${name}'`, didYouMean(name, [...this.columns.keys()], 'column'));
    return undefined;
  }

  /** Whether values of the column can be values of the feature. */
  private fits(feature: { type: string }, type: ColumnType | undefined, path: Path): void {
    if (type === undefined) return;
    if (feature.type === 'number' && !isNumeric(type)) {
      this.report([...path, 'type'], `a ${type} column is no number`, 'Write `type: category`.');
    } else if (feature.type === 'category' && type === 'timestamp') {
      const remedy = 'Write `type: number`, or take a part of it by an expression: day_of_week(column).';
      this.report([...path, 'type'], 'a timestamp is no category', remedy);
    }
  }

  private expression(feature: OfKind<'expression'>, path: Path): void {
    const place = [...path, 'expression'];
    try {
      const { type } = checkExpression(feature.expression, Object.fromEntries(this.columns));
      const column = type === 'string' ? 'string' : type === 'timestamp' ? 'timestamp' : 'number';
      this.fits(feature, column, path);
    } catch (thrown) {
      const { code, message, remedy } = RelearnError.from(thrown);
      if (code !== 'INVALID_PIPELINE') throw thrown;
      const later = [...this.labelOnly].find((name) => message.includes(`unknown column '${name}'`));
      if (later === undefined) this.report(place, message, remedy);
      else this.column(later, place);
    }
  }

  private aggregate(feature: OfKind<'aggregate'>, path: Path): void {
    const { aggregate, of } = feature;
    this.key(feature.by, path);
    if (feature.window <= 0) this.report([...path, 'window'], 'the window has no length', 'Write it like 3h.');
    if (aggregate !== 'last' && feature.type !== 'number') {
      this.report([...path, 'type'], `${aggregate} gives a number`, 'Write `type: number`.');
    }
    if (of === 'label') return this.ofLabel(feature, path);
    if (of === undefined) {
      if (aggregate === 'count' || aggregate === 'rate') return;
      return this.report(path, `${aggregate} needs a column`, 'Name it in `of`, or write `of: label`.');
    }
    const type = this.column(of, [...path, 'of']);
    if (type === undefined) return;
    if (aggregate === 'last') this.fits(feature, type, path);
    else if (added.has(aggregate) && !isNumeric(type)) {
      this.report([...path, 'of'], `${aggregate} of a ${type} column`, 'Use count, rate, distinct or last.');
    }
  }

  /** Two class texts add up as 0 and 1; of more classes there is no sum. */
  private ofLabel(feature: OfKind<'aggregate'>, path: Path): void {
    const { aggregate } = feature;
    const asNumber = added.has(aggregate) || (aggregate === 'last' && feature.type === 'number');
    if (!asNumber || !this.hasTextLabel()) return;
    if (this.spec.train.task === 'binary' && this.spec.label.classes.length === 2) return;
    const remedy = 'Use count, rate, distinct, or last with `type: category`.';
    this.report([...path, 'aggregate'], `${aggregate} of labels that are class names`, remedy);
  }

  private hasTextLabel(): boolean {
    try {
      return labelKind(this.spec) === 'text';
    } catch {
      return false; // the label's own check reports the expression
    }
  }

  private lag(feature: OfKind<'lag'>, path: Path): void {
    this.key(feature.by, path);
    this.fits(feature, this.column(feature.of, [...path, 'of']), path);
  }

  private key(by: readonly string[], path: Path): void {
    by.forEach((column, index) => {
      this.column(column, [...path, 'by', index]);
    });
    const { shard_by: shardBy } = this.spec.source;
    if (shardBy === undefined || by.includes(shardBy)) return;
    const message = `the key does not hold '${shardBy}', by which the rows are spread over shards`;
    this.report([...path, 'by'], message, `Add '${shardBy}' to \`by\`, or leave out \`source.shard_by\`.`);
  }

  /** Context is written to every shard: any column may join it. */
  private join(feature: OfKind<'join'>, path: Path): void {
    const { context } = this.spec.schema;
    const columns = context[feature.join];
    if (columns === undefined || this.spec.source.context[feature.join] === undefined) {
      const remedy = didYouMean(feature.join, Object.keys(this.spec.source.context), 'context stream');
      return this.report([...path, 'join'], `unknown context stream '${feature.join}'`, remedy);
    }
    if (feature.max_age <= 0) this.report([...path, 'max_age'], 'max_age has no length', 'Write it like 3h.');
    const typeOf = (name: string, place: Path): ColumnType | undefined => {
      const type = columns[name]?.type;
      if (type === undefined) {
        const remedy = didYouMean(name, Object.keys(columns), 'column');
        this.report(place, `unknown column '${name}' of ${feature.join}`, remedy);
      }
      return type;
    };
    this.fits(feature, typeOf(feature.column, [...path, 'column']), path);
    for (const [row, joined] of Object.entries(feature.on)) {
      const place = [...path, 'on', row];
      const left = this.column(row, place);
      const right = typeOf(joined, place);
      if (left === undefined || right === undefined || comparable(left) === comparable(right)) continue;
      this.report(place, `a ${left} column never equals the ${right} column '${joined}'`);
    }
  }
}

function comparable(type: ColumnType): string {
  if (type === 'category') return 'string';
  return type === 'integer' ? 'number' : type;
}
