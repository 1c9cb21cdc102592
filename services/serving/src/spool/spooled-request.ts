import type { OutgoingRecord } from '@relearn/bus';
import {
  type AnsweringArm,
  type Arm,
  type Cell,
  type Columns,
  partitionFor,
  predictionLogged,
} from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import { type AppliedPipeline, emission, recordsFor } from '@relearn/runtime';

/** One request as a line of the spool, answered, failed or mirrored; its rows are numbered from `first`. */
export interface SpooledRequest {
  readonly first: number;
  readonly pipeline: string;
  readonly model: number;
  readonly id: string;
  readonly eventIds: readonly (string | null)[];
  readonly inputs: Columns;
  readonly outputs: Columns;
  readonly computeMs: number;
  readonly totalMs: number;
  readonly rows: number;
  /** Absent: the champion. */
  readonly arm?: AnsweringArm;
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

/** Where and when a request is logged. */
export interface Logging {
  /** First words of the sources: one a partition. */
  readonly source: string;
  readonly applied: AppliedPipeline | undefined;
  readonly partitions: number;
  /** Business time, ms. */
  readonly now: number;
  /** By source: the last row number before; is advanced. */
  readonly last: Map<string, number>;
  /** Hears of rows whose inputs no event can hold. */
  readonly onCut: (rows: number) => void;
}

/**
 * The request's rows as `prediction.logged` events: each row in the partition of its `shard_by` value, where labels look
 * for it, and no event larger than the bus takes. The same request gives the same numbers each time.
 */
export function recordsOfRequest(request: SpooledRequest, logging: Logging): OutgoingRecord[] {
  const records: OutgoingRecord[] = [];
  for (const [partition, rows] of rowsByPartition(request, logging)) {
    records.push(...recordsOfRows(request, rows, partition, logging));
  }
  return records;
}

function rowsByPartition(request: SpooledRequest, { applied, partitions }: Logging): Map<number, number[]> {
  const byPartition = new Map<number, number[]>();
  for (let row = 0; row < request.rows; row++) {
    const shard = shardOf(request, applied, row);
    const partition = partitionFor(request.pipeline, partitions, shard === null ? undefined : String(shard));
    const rows = byPartition.get(partition);
    if (rows === undefined) byPartition.set(partition, [row]);
    else rows.push(row);
  }
  return byPartition;
}

function shardOf({ inputs }: SpooledRequest, applied: AppliedPipeline | undefined, row: number): Cell {
  const shardBy = applied?.spec.source.shard_by;
  return shardBy === undefined ? null : (inputs[shardBy]?.[row] ?? null);
}

function recordsOfRows(
  request: SpooledRequest,
  rows: readonly number[],
  partition: number,
  logging: Logging,
): OutgoingRecord[] {
  const { last, onCut } = logging;
  const take = (inputs: Columns) => {
    const advanced = new Map(last);
    const records = recordsFor(emissionOf({ ...request, inputs }, rows, partition, logging), advanced);
    for (const [source, sequence] of advanced) last.set(source, sequence);
    return records;
  };
  try {
    return take(request.inputs);
  } catch (thrown) {
    if (RelearnError.from(thrown).code !== 'TOO_LARGE') throw thrown;
    onCut(rows.length);
    return take({});
  }
}

function emissionOf(request: SpooledRequest, rows: readonly number[], partition: number, logging: Logging) {
  const { pipeline, first, inputs, eventIds, answered, challenger } = request;
  const { source, applied, now } = logging;
  // Without the column that shards the pipeline nobody knows where the row's label will be.
  const joined = (row: number) =>
    applied?.spec.source.shard_by === undefined || shardOf(request, applied, row) !== null
      ? (eventIds[row] ?? null)
      : null;
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
        arms: armsOf(request, some),
        watermark: null,
        request: figuresOf(request),
        ...(challenger === undefined ? {} : { rollout: challenger }),
      },
    };
  };
  return emission({
    type: predictionLogged,
    pipeline,
    pipelineVersion: applied?.version ?? 0,
    source: `${source}/${partition}/predictions`,
    time: now,
    partition,
    ...slice(0, rows.length),
    rows: { count: rows.length, slice },
  });
}

function armsOf(
  { arm = 'champion', model, outputs, failure, answered }: SpooledRequest,
  rows: readonly number[],
): Arm[] {
  if (failure !== undefined) return [];
  const own = { arm, model, outputs: rowsOf(outputs, rows) };
  return answered === undefined
    ? [own]
    : [{ arm: answered.arm, model: answered.model, outputs: rowsOf(answered.outputs, rows) }, own];
}

function figuresOf({ id, computeMs, totalMs, arm = 'champion', model, failure, answered }: SpooledRequest) {
  return {
    id,
    computeMs,
    totalMs,
    ...(failure === undefined ? {} : { failure: { arm, model, code: failure } }),
    ...(answered === undefined ? {} : { answered: { arm: answered.arm, computeMs: answered.computeMs } }),
  };
}

function rowsOf(columns: Columns, rows: readonly number[]): Columns {
  return Object.fromEntries(
    Object.entries(columns).map(([name, cells]) => [name, rows.map((row) => cells[row] ?? null)]),
  );
}
