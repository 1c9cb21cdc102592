import type { Cell, PipelineSpec } from '@relearn/contracts';
import { type CodedColumn, type Dataset, labelNumber, type NumberColumn } from './dataset.js';
import { decodeSegment, type Segment, type SnapshotManifest } from './segment.js';

type Values = Float64Array | Int32Array;

/** Numbers that are appended: a typed array that doubles. */
class Growing<A extends Values> {
  length = 0;
  private values: A;
  private readonly make: (length: number) => A;

  constructor(make: (length: number) => A) {
    this.make = make;
    this.values = make(4096);
  }

  push(value: number): void {
    if (this.length === this.values.length) {
      const larger = this.make(this.length * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.length] = value;
    this.length += 1;
  }

  /** What has been appended, without a copy. */
  taken(): A {
    return this.values.subarray(0, this.length) as A;
  }
}

const doubles = () => new Growing((length) => new Float64Array(length));

/** One feature of all rows as they came; categories coded in that order. */
interface Gathered {
  readonly name: string;
  add(cell: Cell): void;
  /** The rows of the order, in shared memory, so that several workers train on one copy. */
  ordered(order: Uint32Array): NumberColumn | CodedColumn;
}

/**
 * Joins rows with their labels as known at the cut, keeps the training window, and orders by event time.
 * `segments[i]` are the bytes of shard i's segments in the manifest's order. Segments are decoded one after another:
 * the memory taken is that of the numbers, twice.
 */
export function assembleDataset(
  spec: PipelineSpec,
  manifest: SnapshotManifest,
  segments: readonly (readonly Uint8Array[])[],
): Dataset {
  const gathered = manifest.features.map(({ name, type }) => (type === 'number' ? numbers(name) : categories(name)));
  const times = doubles();
  const labels = doubles();
  for (const shard of segments) gatherShard(spec, shard, { gathered, times, labels });
  const order = orderOf(times.taken(), labels.taken(), spec.train);
  const columns: (NumberColumn | CodedColumn)[] = [];
  // Each column's first copy may go before the next one's second is made.
  for (let next = gathered.shift(); next !== undefined; next = gathered.shift()) columns.push(next.ordered(order));
  return { rows: order.length, times: shared(times.taken(), order), labels: shared(labels.taken(), order), columns };
}

interface Rows {
  readonly gathered: readonly Gathered[];
  readonly times: Growing<Float64Array>;
  /** NaN for a row without one. */
  readonly labels: Growing<Float64Array>;
}

function gatherShard(spec: PipelineSpec, segments: readonly Uint8Array[], rows: Rows): void {
  const known = new Map<string, number>();
  const ids: string[] = [];
  for (const bytes of segments) {
    const segment = decodeSegment(bytes);
    takeLabels(spec, segment, known);
    for (const id of segment.ids) ids.push(id);
    for (let row = 0; row < segment.ids.length; row++) rows.times.push(segment.times[row] ?? 0);
    for (const column of rows.gathered) {
      const cells = segment.columns[column.name];
      for (let row = 0; row < segment.ids.length; row++) column.add(cells?.[row] ?? null);
    }
  }
  for (const id of ids) rows.labels.push(known.get(id) ?? Number.NaN);
}

function takeLabels(spec: PipelineSpec, { labels }: Segment, known: Map<string, number>): void {
  labels.eventIds.forEach((id, index) => {
    const label = labelNumber(spec, labels.values[index] ?? null);
    if (label !== null) known.set(id, label);
  });
}

/**
 * Indices of the labelled rows within the training window of the latest of them, by time; ties as they came. Where the
 * window holds too few, as after a pause, the latest rows before it fill it up.
 */
function orderOf(times: Float64Array, labels: Float64Array, train: PipelineSpec['train']): Uint32Array {
  const timeOf = (row: number) => times[row] ?? 0;
  const labelled = Uint32Array.from(times.keys()).filter((row) => !Number.isNaN(labels[row] ?? Number.NaN));
  labelled.sort((a, b) => timeOf(a) - timeOf(b) || a - b);
  if (train.window === null) return labelled;
  const since = timeOf(labelled.at(-1) ?? 0) - train.window;
  const first = labelled.findIndex((row) => timeOf(row) >= since);
  return labelled.subarray(Math.max(0, Math.min(first, labelled.length - train.minimum_rows)));
}

function shared(values: Float64Array, order: Uint32Array): Float64Array {
  const ordered = new Float64Array(new SharedArrayBuffer(order.length * 8));
  for (let row = 0; row < order.length; row++) ordered[row] = values[order[row] ?? 0] ?? 0;
  return ordered;
}

function numbers(name: string): Gathered {
  const values = doubles();
  return {
    name,
    add: (cell) => values.push(typeof cell === 'number' ? cell : typeof cell === 'boolean' ? Number(cell) : Number.NaN),
    ordered: (order) => ({ kind: 'number', name, values: shared(values.taken(), order) }),
  };
}

function categories(name: string): Gathered {
  const found = new Map<string, number>();
  const values = new Growing((length) => new Int32Array(length));
  const add = (cell: Cell) => {
    if (cell === null) return values.push(-1);
    const value = String(cell);
    let code = found.get(value);
    if (code === undefined) found.set(value, (code = found.size));
    values.push(code);
  };
  const ordered = (order: Uint32Array) => recoded(name, [...found.keys()], values.taken(), order);
  return { name, add, ordered };
}

/** Codes anew in the order of the rows, so that a category's code tells which others came before it. */
function recoded(name: string, values: readonly string[], codes: Int32Array, order: Uint32Array): CodedColumn {
  const target = new Int32Array(values.length).fill(-1);
  const dictionary: string[] = [];
  const ordered = new Int32Array(new SharedArrayBuffer(order.length * 4));
  for (let row = 0; row < order.length; row++) {
    const code = codes[order[row] ?? 0] ?? -1;
    if (code >= 0 && target[code] === -1) target[code] = dictionary.push(values[code] ?? '') - 1;
    ordered[row] = code < 0 ? -1 : (target[code] ?? -1);
  }
  return { kind: 'category', name, dictionary, codes: ordered };
}
