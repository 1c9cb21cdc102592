import type { Datatype } from '@relearn/onnx';
import type { AnsweringArm } from '@relearn/contracts';
import { encodeByteStrings } from '../inference/byte-strings.js';
import type { AnsweredArm, PredictionRecord } from '../inference/prediction-record.js';
import { asRows, joined, type NamedTensor, type TensorBytes } from '../inference/tensors.js';
import { digestsOf, isToldByDigests, someToldByDigests } from '../inference/values.js';

/** One request of a line: `rows` of the line's rows, after those of the requests before it. */
export interface SpooledRequest {
  readonly id: string;
  readonly rows: number;
  /** Of the run. */
  readonly computeMs: number;
  readonly totalMs: number;
}

/** Values as they came, or as the model gave them: numbers become text once, when they are shipped. */
export interface SpooledTensor extends TensorBytes {
  readonly name: string;
  readonly datatype: Datatype;
}

/**
 * Requests of one model: any number that were answered by it, or one that was tried on a model which is rolled out, failed or
 * mirrored. Rows are numbered from `first`.
 */
export interface Line<Values> {
  readonly first: number;
  readonly pipeline: string;
  readonly model: number;
  readonly requests: readonly SpooledRequest[];
  readonly rows: number;
  readonly eventIds: readonly (string | null)[];
  readonly inputs: Values;
  readonly outputs: Values;
  readonly arm: AnsweringArm;
  /** The model that was rolled out meanwhile. */
  readonly challenger?: number;
  readonly failure?: string;
  /** Of a request that another arm has answered: that arm's answer. */
  readonly answered?: {
    readonly arm: AnsweringArm;
    readonly model: number;
    readonly outputs: Values;
    readonly computeMs: number;
  };
}

export type SpooledLine = Line<readonly SpooledTensor[]>;

/** The same line with its values told otherwise. */
export function withValues<From, To>(
  line: Line<From>,
  inputsOf: (values: From) => To,
  outputsOf: (values: From) => To = inputsOf,
): Line<To> {
  const { answered, ...facts } = line;
  return {
    ...facts,
    inputs: inputsOf(line.inputs),
    outputs: outputsOf(line.outputs),
    ...(answered === undefined ? {} : { answered: { ...answered, outputs: outputsOf(answered.outputs) } }),
  };
}

type Told = Pick<PredictionRecord, 'challenger' | 'failure' | 'answered'>;

/** What is told of a rollout, and what failed, stands alone: it is judged request by request. */
function isAlone({ challenger, failure, answered }: Told | SpooledLine): boolean {
  return challenger !== undefined || failure !== undefined || answered !== undefined;
}

/** One that is told by digests must not take the values of the others. */
function hasDigests({ inputs, outputs, rows }: PredictionRecord): boolean {
  return someToldByDigests(inputs, rows) || someToldByDigests(outputs, rows);
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
    if (!isAlone(record) && !hasDigests(record)) together.push(record);
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
    eventIds: concatenated(records.map(({ eventIds }) => eventIds)),
    inputs: tensorsOf(records, (told) => told.inputs),
    outputs: tensorsOf(records, (told) => told.outputs),
    arm,
    ...(challenger === undefined ? {} : { challenger }),
    ...(failure === undefined ? {} : { failure }),
    ...(answered === undefined ? {} : { answered: answeredBy(record, answered) }),
  };
}

/** Each record comes through here twice, and `flatMap` takes many times as long. */
function concatenated<T>(lists: readonly (readonly T[])[]): T[] {
  const all: T[] = [];
  for (const list of lists) for (const item of list) all.push(item);
  return all;
}

function answeredBy(record: PredictionRecord, { arm, version, computeMs, outputs }: AnsweredArm) {
  return { arm, model: Number(version), computeMs, outputs: tensorsOf([record], () => outputs) };
}

/** Each tensor of all requests, whose inner sizes are the same: one run has answered them. */
function tensorsOf(
  records: readonly PredictionRecord[],
  tensorsIn: (record: PredictionRecord) => readonly NamedTensor[],
): SpooledTensor[] {
  const [first] = records;
  if (first === undefined) return [];
  return tensorsIn(first).map(({ spec: { name, datatype }, tensor }, index) => {
    const parts: TensorBytes[] = [];
    for (const record of records) {
      const part = tensorsIn(record)[index]?.tensor;
      if (part !== undefined) parts.push(asRows(part, record.rows));
    }
    if (!isToldByDigests(tensor, first.rows)) return { name, datatype, ...joined(parts) };
    const digests = parts.flatMap((part) => digestsOf(datatype, part));
    return { name, datatype: 'BYTES', shape: [digests.length], bytes: encodeByteStrings(digests) };
  });
}

/** Rows of lines that become one. More cost less each, but the event is made at once, and requests wait meanwhile. */
const mostJoinedRows = 256;
/** Of their values, for the same reason: some ten thousand. */
const mostJoinedBytes = 32 * 1024;

/** Neighbours that tell the same tensors of the same model become one line. */
export function joinLines(lines: readonly SpooledLine[]): SpooledLine[] {
  const all: SpooledLine[] = [];
  let run: SpooledLine[] = [];
  let [rows, bytes] = [0, 0];
  for (const line of lines) {
    const [first] = run;
    const more = bytesOf(line);
    const many = rows + line.rows > mostJoinedRows || bytes + more > mostJoinedBytes;
    if (first !== undefined && (many || !fits(first, line))) {
      all.push(join(run));
      run = [];
      [rows, bytes] = [0, 0];
    }
    run.push(line);
    rows += line.rows;
    bytes += more;
  }
  if (run.length > 0) all.push(join(run));
  return all;
}

function bytesOf({ inputs, outputs }: SpooledLine): number {
  let sum = 0;
  for (const { bytes } of inputs) sum += bytes.byteLength;
  for (const { bytes } of outputs) sum += bytes.byteLength;
  return sum;
}

function fits(line: SpooledLine, next: SpooledLine): boolean {
  return (
    line.pipeline === next.pipeline &&
    line.model === next.model &&
    line.arm === next.arm &&
    !isAlone(line) &&
    !isAlone(next) &&
    sameTensors(line.inputs, next.inputs) &&
    sameTensors(line.outputs, next.outputs)
  );
}

/** Do they differ in nothing but their rows? */
function sameTensors(tensors: readonly SpooledTensor[], others: readonly SpooledTensor[]): boolean {
  return (
    tensors.length === others.length &&
    tensors.every(({ name, datatype, shape }, index) => {
      const other = others[index];
      return (
        other?.name === name &&
        other.datatype === datatype &&
        other.shape.length === shape.length &&
        shape.every((size, axis) => axis === 0 || size === other.shape[axis])
      );
    })
  );
}

function join(lines: readonly SpooledLine[]): SpooledLine {
  const [first, second] = lines;
  if (first === undefined) throw new RangeError('no lines to join');
  if (second === undefined) return first;
  return {
    ...first,
    requests: concatenated(lines.map(({ requests }) => requests)),
    rows: lines.reduce((sum, line) => sum + line.rows, 0),
    eventIds: concatenated(lines.map(({ eventIds }) => eventIds)),
    inputs: joinTensors(lines.map(({ inputs }) => inputs)),
    outputs: joinTensors(lines.map(({ outputs }) => outputs)),
  };
}

function joinTensors(parts: readonly (readonly SpooledTensor[])[]): SpooledTensor[] {
  const [first = []] = parts;
  return first.map(({ name, datatype }, index) => {
    return { name, datatype, ...joined(parts.flatMap((tensors) => tensors[index] ?? [])) };
  });
}
