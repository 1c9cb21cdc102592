import { type AnsweringArm, type Columns, maxBatchRows } from '@relearn/contracts';
import type { PredictionRecord } from '../inference/prediction-record.js';
import type { NamedTensor } from '../inference/tensors.js';
import { columnsOfRun } from '../inference/values.js';

/** One request of a line: `rows` of the line's rows, after those of the requests before it. */
export interface SpooledRequest {
  readonly id: string;
  readonly rows: number;
  /** Of the run. */
  readonly computeMs: number;
  readonly totalMs: number;
}

/**
 * Requests of one model, in columns, as a line of the spool: any number that were answered by it, or one that was tried on
 * a model which is rolled out, failed or mirrored. Rows are numbered from `first`.
 */
export interface SpooledLine {
  readonly first: number;
  readonly pipeline: string;
  readonly model: number;
  readonly requests: readonly SpooledRequest[];
  readonly rows: number;
  readonly eventIds: readonly (string | null)[];
  readonly inputs: Columns;
  readonly outputs: Columns;
  readonly arm: AnsweringArm;
  /** The model that was rolled out meanwhile. */
  readonly challenger?: number;
  readonly failure?: string;
  readonly answered?: {
    readonly arm: AnsweringArm;
    readonly model: number;
    readonly outputs: Columns;
    readonly computeMs: number;
  };
}

type Told = Pick<PredictionRecord, 'challenger' | 'failure' | 'answered'>;

/** What is told of a rollout, and what failed, stands alone: it is judged request by request. */
function isAlone({ challenger, failure, answered }: Told | SpooledLine): boolean {
  return challenger !== undefined || failure !== undefined || answered !== undefined;
}

/** The records of one run, one version's, as lines numbered from `first`. */
export function linesOf(records: readonly PredictionRecord[], first: number): SpooledLine[] {
  const lines: SpooledLine[] = [];
  let next = first;
  let together: PredictionRecord[] = [];
  const put = (some: readonly PredictionRecord[]) => {
    const line = lineOf(some, next);
    if (line === undefined) return;
    lines.push(line);
    next += line.rows;
  };
  for (const record of records) {
    if (!isAlone(record)) together.push(record);
    else {
      put(together);
      put([record]);
      together = [];
    }
  }
  put(together);
  return lines;
}

function lineOf(records: readonly PredictionRecord[], first: number): SpooledLine | undefined {
  const [record] = records;
  if (record === undefined) return undefined;
  const { model, version, arm, challenger, failure, answered } = record;
  const requests = records.map(({ id, rows, timings: { queueMs, computeMs } }) => {
    return { id, rows, computeMs, totalMs: queueMs + computeMs };
  });
  return {
    first,
    pipeline: model,
    model: Number(version),
    requests,
    rows: requests.reduce((sum, { rows }) => sum + rows, 0),
    eventIds: records.flatMap(({ eventIds }) => eventIds),
    inputs: columnsOfRun(records.map(({ inputs }) => inputs)),
    outputs: outputColumns(records.map(({ outputs }) => outputs)),
    arm,
    ...(challenger === undefined ? {} : { challenger }),
    ...(failure === undefined ? {} : { failure }),
    ...(answered === undefined ? {} : { answered: answeredOf(answered) }),
  };
}

/** The label that a classifier says beside its probabilities follows from them; without those it is kept. */
function outputColumns(outputs: readonly (readonly NamedTensor[])[]): Columns {
  const columns = columnsOfRun(outputs);
  const { label: _, ...others } = columns;
  return Object.keys(others).some((name) => /^probabilit(y|ies\[\d+\])$/.test(name)) ? others : columns;
}

function answeredOf({ arm, version, computeMs, outputs }: NonNullable<PredictionRecord['answered']>) {
  return { arm, model: Number(version), computeMs, outputs: outputColumns([outputs]) };
}

/** Neighbours that tell the same columns of the same model become one line, up to the rows of an event. */
export function joinLines(lines: readonly SpooledLine[]): SpooledLine[] {
  const joined: SpooledLine[] = [];
  let run: SpooledLine[] = [];
  let rows = 0;
  for (const line of lines) {
    const [first] = run;
    if (first !== undefined && (rows + line.rows > maxBatchRows || !fits(first, line))) {
      joined.push(join(run));
      run = [];
      rows = 0;
    }
    run.push(line);
    rows += line.rows;
  }
  if (run.length > 0) joined.push(join(run));
  return joined;
}

function fits(line: SpooledLine, next: SpooledLine): boolean {
  return (
    line.pipeline === next.pipeline &&
    line.model === next.model &&
    line.arm === next.arm &&
    !isAlone(line) &&
    !isAlone(next) &&
    sameNames(line.inputs, next.inputs) &&
    sameNames(line.outputs, next.outputs)
  );
}

function sameNames(columns: Columns, others: Columns): boolean {
  const names = Object.keys(columns);
  const other = Object.keys(others);
  return names.length === other.length && names.every((name, index) => name === other[index]);
}

function join(lines: readonly SpooledLine[]): SpooledLine {
  const [first, second] = lines;
  if (first === undefined) throw new RangeError('no lines to join');
  if (second === undefined) return first;
  return {
    ...first,
    requests: lines.flatMap(({ requests }) => requests),
    rows: lines.reduce((sum, line) => sum + line.rows, 0),
    eventIds: lines.flatMap(({ eventIds }) => eventIds),
    inputs: joinColumns(lines.map(({ inputs }) => inputs)),
    outputs: joinColumns(lines.map(({ outputs }) => outputs)),
  };
}

function joinColumns(parts: readonly Columns[]): Columns {
  const names = Object.keys(parts[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, parts.flatMap((columns) => columns[name] ?? [])]));
}
