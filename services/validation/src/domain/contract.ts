import {
  type Cell,
  type ColumnSpec,
  clockStream,
  labelStream,
  type PipelineSpec,
  rowStream,
  type Section,
} from '@relearn/contracts';
import { type ColumnCheck, columnCheck, type Reason } from './column-check.js';
import { labelChecks } from './label-check.js';

/** What the records of one stream must be. */
interface StreamContract {
  readonly columns: readonly ColumnCheck[];
  /** Columns that are known only with the label: no row may hold one. */
  readonly labelOnly: ReadonlySet<string>;
}

/** The contract of one pipeline version, by stream. */
export type Contract = ReadonlyMap<string, StreamContract>;

/** Compiles what the pipeline's file says of its streams. Throws nothing: the file has been checked. */
export function compileContract(spec: PipelineSpec): Contract {
  const labelOnly = new Set(
    Object.entries(spec.schema.columns)
      .filter(([, column]) => column.known_at === 'label')
      .map(([name]) => name),
  );
  const none: ReadonlySet<string> = new Set();
  const contract = new Map<string, StreamContract>([
    [rowStream, { columns: checksOf(spec.schema.columns), labelOnly }],
    [labelStream, { columns: labelChecks(spec), labelOnly: none }],
    [clockStream, { columns: [], labelOnly: none }],
  ]);
  for (const stream of Object.keys(spec.source.context)) {
    contract.set(stream, { columns: checksOf(spec.schema.context[stream] ?? {}), labelOnly: none });
  }
  return contract;
}

function checksOf(columns: Readonly<Record<string, ColumnSpec>>): ColumnCheck[] {
  return Object.entries(columns)
    .filter(([, spec]) => spec.known_at !== 'label')
    .map(([name, spec]) => columnCheck(name, spec));
}

/** The verdict on a section's records: declared columns in their kept form, and the reasons against record i, if any. */
export interface SectionVerdict {
  readonly columns: Record<string, Cell[]>;
  readonly reasons: readonly (Reason[] | undefined)[];
}

/** Judges every record of a section. The section is left as it is; a column that it lacks is null. */
export function judgeSection(contract: Contract, section: Section): SectionVerdict {
  const reasons = new Array<Reason[] | undefined>(section.ids.length).fill(undefined);
  const stream = contract.get(section.stream);
  if (stream === undefined) {
    const reason: Reason = { code: 'UNKNOWN_STREAM', column: '', message: `there is no stream '${section.stream}'` };
    return { columns: {}, reasons: reasons.map(() => [reason]) };
  }
  const against = (row: number, reason: Reason) => {
    const known = reasons[row];
    if (known === undefined) reasons[row] = [reason];
    else known.push(reason);
  };
  const columns: Record<string, Cell[]> = {};
  for (const check of stream.columns) {
    const cells = Object.hasOwn(section.columns, check.name) ? section.columns[check.name] : undefined;
    if (cells !== undefined) columns[check.name] = judgeColumn(check, cells, section.ids.length, against);
    else if (!check.nullable) section.ids.forEach((_, row) => against(row, missing(check.name)));
  }
  for (const [name, cells] of Object.entries(section.columns)) {
    if (!Object.hasOwn(columns, name)) judgeUndeclared(stream, name, cells, against);
  }
  return { columns, reasons };
}

type Against = (row: number, reason: Reason) => void;

/** The cells in their kept form: the same array when none changes. */
function judgeColumn(check: ColumnCheck, cells: Cell[], rows: number, against: Against): Cell[] {
  let kept = cells;
  for (let row = 0; row < rows; row++) {
    const cell = cells[row] ?? null;
    if (cell === null) {
      if (!check.nullable) against(row, missing(check.name));
      continue;
    }
    const accepted = check.accept(cell);
    if (accepted === null) against(row, check.explain(cell));
    else if (accepted !== cell) {
      if (kept === cells) kept = [...cells];
      kept[row] = accepted;
    }
  }
  return kept;
}

/** Batches fill a column that a record lacks with null, so that only other values speak against a record. */
function judgeUndeclared(stream: StreamContract, name: string, cells: readonly Cell[], against: Against): void {
  const reason: Reason = stream.labelOnly.has(name)
    ? { code: 'LABEL_COLUMN', column: name, message: 'the column is known only with the label' }
    : { code: 'UNKNOWN_COLUMN', column: name, message: 'the pipeline declares no such column' };
  cells.forEach((cell, row) => {
    if (cell !== null) against(row, reason);
  });
}

function missing(column: string): Reason {
  return { code: 'NULL', column, message: 'the column is not nullable' };
}
