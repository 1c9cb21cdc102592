import type { OutgoingRecord } from '@relearn/bus';
import { type Arm, type Cell, type Columns, partitionFor, predictionLogged } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import { emission, recordsFor } from '@relearn/runtime';
import type { LoggedLine } from './logged-line.js';
import type { SpooledRequest } from './spooled-line.js';

/** Of a pipeline, when its lines are shipped. */
export interface ShippedPipeline {
  /** Of the pipeline that is applied; 0 where none is. */
  readonly version: number;
  /** The column that decides on a row's partition. */
  readonly shardBy: string | undefined;
  /** Business time, ms. */
  readonly now: number;
}

/** Where a line is logged. */
export interface Logging extends ShippedPipeline {
  /** First words of the sources: one a partition. */
  readonly source: string;
  readonly partitions: number;
  /** By source: the last row number before; is advanced. */
  readonly last: Map<string, number>;
  /** Hears of the number of a row whose inputs no event can hold. */
  readonly onCut: (row: number) => void;
}

/**
 * The line's rows as `prediction.logged` events: each row in the partition of its `shard_by` value, where labels look for
 * it, and no event larger than the bus takes. A row has the same number each time, whatever lines it is joined with.
 */
export function recordsOfLine(line: LoggedLine, logging: Logging): OutgoingRecord[] {
  const records: OutgoingRecord[] = [];
  for (const [partition, rows] of rowsByPartition(line, logging)) {
    records.push(...recordsOfRows(line, rows, partition, logging));
  }
  return records;
}

function rowsByPartition(line: LoggedLine, { shardBy, partitions }: Logging): Map<number, number[]> {
  if (shardBy === undefined) {
    const all = Array.from({ length: line.rows }, (_, row) => row);
    return new Map([[partitionFor(line.pipeline, partitions), all]]);
  }
  const byPartition = new Map<number, number[]>();
  for (let row = 0; row < line.rows; row++) {
    const shard = shardOf(line, shardBy, row);
    const partition = partitionFor(line.pipeline, partitions, shard === null ? undefined : String(shard));
    const rows = byPartition.get(partition);
    if (rows === undefined) byPartition.set(partition, [row]);
    else rows.push(row);
  }
  return byPartition;
}

function shardOf({ inputs }: LoggedLine, shardBy: string, row: number): Cell {
  return inputs[shardBy]?.[row] ?? null;
}

function recordsOfRows(
  line: LoggedLine,
  rows: readonly number[],
  partition: number,
  logging: Logging,
): OutgoingRecord[] {
  const { last, onCut } = logging;
  const take = (inputs: Columns) => {
    const advanced = new Map(last);
    const records = recordsFor(emissionOf({ ...line, inputs }, rows, partition, logging), advanced);
    for (const [source, sequence] of advanced) last.set(source, sequence);
    return records;
  };
  try {
    return take(line.inputs);
  } catch (thrown) {
    if (RelearnError.from(thrown).code !== 'TOO_LARGE') throw thrown;
    const [row, ...others] = rows;
    if (row !== undefined && others.length === 0) {
      onCut(line.first + row);
      return take({});
    }
    // One row's inputs are too large: its neighbours keep theirs.
    const half = rows.length >> 1;
    const parts = [rows.slice(0, half), rows.slice(half)];
    return parts.flatMap((part) => recordsOfRows(line, part, partition, logging));
  }
}

function emissionOf(line: LoggedLine, rows: readonly number[], partition: number, logging: Logging) {
  const { pipeline, first, inputs, eventIds, answered, challenger } = line;
  const { source, version, shardBy, now } = logging;
  // Without the column that shards the pipeline nobody knows where the row's label will be.
  const joined = (row: number) =>
    shardBy === undefined || shardOf(line, shardBy, row) !== null ? (eventIds[row] ?? null) : null;
  const slice = (from: number, to: number) => {
    const some = rows.slice(from, to);
    return {
      sequence: first + (some.at(-1) ?? 0),
      data: {
        kind: answered === undefined ? ('request' as const) : ('mirror' as const),
        ids: some.map(joined),
        times: some.map(() => now),
        at: some.map((row) => first + row),
        // Those of a mirrored request stand with its answer.
        inputs: answered === undefined ? rowsOf(inputs, some) : {},
        arms: armsOf(line, some),
        watermark: null,
        ...figuresOf(line, some),
        ...(challenger === undefined ? {} : { rollout: challenger }),
      },
    };
  };
  return emission({
    type: predictionLogged,
    pipeline,
    pipelineVersion: version,
    source: `${source}/${partition}/predictions`,
    time: now,
    partition,
    ...slice(0, rows.length),
    rows: { count: rows.length, slice },
  });
}

function armsOf({ arm, model, outputs, failure, answered }: LoggedLine, rows: readonly number[]): Arm[] {
  if (failure !== undefined) return [];
  const own = { arm, model, outputs: rowsOf(outputs, rows) };
  return answered === undefined
    ? [own]
    : [{ arm: answered.arm, model: answered.model, outputs: rowsOf(answered.outputs, rows) }, own];
}

/** Of the requests that have some of the rows: of one with all there is to tell, of several in columns. */
function figuresOf({ requests, arm, model, failure, answered }: LoggedLine, rows: readonly number[]) {
  const owners = ownersOf(requests, rows);
  const [only] = owners;
  if (only === undefined || owners.length > 1) {
    return {
      requests: {
        ids: owners.map(({ request }) => request.id),
        rows: owners.map((owner) => owner.rows),
        computeMs: owners.map(({ request }) => request.computeMs),
        totalMs: owners.map(({ request }) => request.totalMs),
      },
    };
  }
  const { id, computeMs, totalMs } = only.request;
  return {
    request: {
      id,
      computeMs,
      totalMs,
      ...(failure === undefined ? {} : { failure: { arm, model, code: failure } }),
      ...(answered === undefined ? {} : { answered: { arm: answered.arm, computeMs: answered.computeMs } }),
    },
  };
}

/** Each request with how many of the rows, which ascend, are its own; those without any are left out. */
function ownersOf(requests: readonly SpooledRequest[], rows: readonly number[]) {
  const owners: { request: SpooledRequest; rows: number }[] = [];
  let end = 0;
  let at = 0;
  for (const request of requests) {
    end += request.rows;
    const from = at;
    while (at < rows.length && (rows[at] ?? 0) < end) at += 1;
    if (at > from) owners.push({ request, rows: at - from });
  }
  return owners;
}

function rowsOf(columns: Columns, rows: readonly number[]): Columns {
  // Rows ascend, so as many as there are are all of them.
  if (Object.values(columns).every((cells) => cells.length === rows.length)) return columns;
  return Object.fromEntries(
    Object.entries(columns).map(([name, cells]) => [name, rows.map((row) => cells[row] ?? null)]),
  );
}
