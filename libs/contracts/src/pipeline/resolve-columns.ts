import { suggest } from './did-you-mean.js';
import type { PipelineFile } from './file-schema.js';
import type { Path } from './problems.js';
import type { ColumnSpec } from './spec.js';

export type Report = (path: Path, message: string, remedy: string, at?: 'key') => void;
export type ColumnType = ColumnSpec['type'];
type FileColumns = PipelineFile['schema']['columns'];

/** The columns of one stream, by name, with what else a check needs to know of them. */
export class ColumnTable {
  readonly specs = new Map<string, ColumnSpec>();
  private readonly report: Report;
  private readonly where: string;
  /** Columns whose declaration is wrong: their uses are not reported as well. */
  private readonly damaged: readonly string[];

  constructor(where: string, report: Report, damaged: readonly string[]) {
    this.where = where;
    this.report = report;
    this.damaged = damaged;
  }

  /** The column of that name; reports when there is none, or when its type is not one of `types`. */
  use(name: string, path: Path, types?: readonly ColumnType[]): ColumnSpec | undefined {
    const spec = this.specs.get(name);
    if (spec === undefined) {
      if (!this.damaged.includes(name)) {
        const names = new Set([...this.specs.keys(), ...this.damaged]);
        this.report(path, `${this.where} has no column '${name}'`, suggest(name, names, 'Its columns'));
      }
      return undefined;
    }
    if (types !== undefined && !types.includes(spec.type)) {
      const wanted = types.join(' or ');
      this.report(
        path,
        `column '${name}' is of type ${spec.type}`,
        `Name a column of type ${wanted}, or declare it so in the schema.`,
      );
      return undefined;
    }
    return spec;
  }

  /** Each column of a list; reports the unknown and those named twice. */
  useAll(names: readonly string[], path: Path): void {
    names.forEach((name, i) => {
      this.use(name, [...path, i]);
      if (names.indexOf(name) < i) this.report([...path, i], `'${name}' stands twice`, 'Remove one of the two.');
    });
  }

  markKnownWithLabel(name: string): void {
    const spec = this.specs.get(name);
    if (spec !== undefined) this.specs.set(name, { ...spec, known_at: 'label' });
  }

  isKnownWithLabel(name: string): boolean {
    return this.specs.get(name)?.known_at === 'label';
  }
}

/** Fills a table with the columns that a file declares, and checks that what is said of each fits its type. */
export function declareColumns(table: ColumnTable, columns: FileColumns, path: Path, report: Report): void {
  for (const [name, column] of Object.entries(columns)) {
    if (typeof column === 'string') {
      table.specs.set(name, { type: column, nullable: false });
      continue;
    }
    const { type, nullable = false, unit, range, values, pattern, known_at } = column;
    const at = [...path, name];
    const texts = type === 'category' || type === 'string';
    if (range !== undefined) checkRange(range, type, [...at, 'range'], report);
    if (values !== undefined && !texts) {
      report(
        [...at, 'values'],
        `a column of type ${type} has no values`,
        'Declare it as category, or bound it by range.',
      );
    }
    if (pattern !== undefined) checkPattern(pattern, texts, type, [...at, 'pattern'], report);
    table.specs.set(name, {
      type,
      nullable,
      ...(unit === undefined ? {} : { unit }),
      ...(range === undefined ? {} : { range: pair(range) }),
      ...(values === undefined ? {} : { values: values.map(String) }),
      ...(pattern === undefined ? {} : { pattern }),
      ...(known_at === undefined ? {} : { known_at }),
    });
  }
}

/** The bounds that a file writes as a list of two. */
export function pair(bounds: readonly (number | null)[]): [number | null, number | null] {
  return [bounds[0] ?? null, bounds[1] ?? null];
}

/** Reports bounds that leave nothing between them. */
export function checkOrder(bounds: readonly (number | null)[], path: Path, report: Report): void {
  const [least, greatest] = pair(bounds);
  if (least !== null && greatest !== null && least > greatest) {
    report(path, `${least} is above ${greatest}`, 'Write the least value first.');
  }
}

function checkRange(range: readonly (number | null)[], type: ColumnType, path: Path, report: Report): void {
  if (type !== 'number' && type !== 'integer') {
    report(path, `a column of type ${type} has no range`, 'Declare it as number or integer, or remove the range.');
  } else checkOrder(range, path, report);
}

function checkPattern(pattern: string, texts: boolean, type: ColumnType, path: Path, report: Report): void {
  if (!texts)
    report(path, `a column of type ${type} has no pattern`, 'Declare it as category or string, or remove it.');
  try {
    new RegExp(pattern);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    report(path, `no regular expression: ${reason}`, 'Correct it; in double quotes a backslash is written twice.');
  }
}
