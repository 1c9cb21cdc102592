import type { Cell } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import type { FeatureRows } from './engine.js';

/** Records of one segment: cut at a fixed count, so that its bytes do not depend on how the log was read. */
export const segmentRecords = 2048;

export interface LabelColumns {
  eventIds: string[];
  values: (number | string | null)[];
  times: number[];
  at: number[];
}

/** A run of a shard's offline log: feature rows and labels with their addresses in `data.valid`. */
export interface Segment {
  ids: string[];
  times: number[];
  at: number[];
  columns: Record<string, Cell[]>;
  labels: LabelColumns;
}

/** Where a finished segment stands. */
export interface SegmentRef {
  readonly digest: string;
  /** Addresses of its first and last record. */
  readonly from: number;
  readonly to: number;
  readonly rows: number;
  readonly labels: number;
}

export function emptySegment(): Segment {
  return { ids: [], times: [], at: [], columns: {}, labels: { eventIds: [], values: [], times: [], at: [] } };
}

export function segmentSize(segment: Segment): number {
  return segment.ids.length + segment.labels.at.length;
}

const text = new TextEncoder();
const utf8 = new TextDecoder();

/** Canonical bytes: keys in a fixed order, columns in the feature set's order. */
export function encodeSegment(segment: Segment): Uint8Array {
  return text.encode(JSON.stringify(segment));
}

/** Throws CORRUPT when the bytes are no segment. */
export function decodeSegment(bytes: Uint8Array): Segment {
  try {
    return JSON.parse(utf8.decode(bytes)) as Segment;
  } catch (thrown) {
    throw new RelearnError('CORRUPT', 'a segment of the offline log is not readable', { cause: thrown });
  }
}

/** Collects feature rows and labels; each time a segment is full it is handed to `finished`. */
export class SegmentWriter {
  private open: Segment;
  private readonly features: readonly string[];

  constructor(features: readonly string[], open: Segment = emptySegment()) {
    this.features = features;
    this.open = open;
    for (const name of features) if (!Object.hasOwn(this.open.columns, name)) this.open.columns[name] = [];
  }

  get tail(): Segment {
    return this.open;
  }

  /** Rows and labels are taken in the order of their addresses. */
  add(rows: FeatureRows, finished: (segment: Segment) => void): void {
    let row = 0;
    let label = 0;
    while (row < rows.at.length || label < rows.labels.length) {
      const rowAt = rows.at[row] ?? Number.POSITIVE_INFINITY;
      const labelAt = rows.labels[label]?.at ?? Number.POSITIVE_INFINITY;
      if (rowAt < labelAt) this.addRow(rows, row++);
      else this.addLabel(rows, label++);
      if (segmentSize(this.open) < segmentRecords) continue;
      finished(this.open);
      this.open = emptySegment();
      for (const name of this.features) this.open.columns[name] = [];
    }
  }

  private addRow(rows: FeatureRows, row: number): void {
    this.open.ids.push(rows.ids[row] ?? '');
    this.open.times.push(rows.times[row] ?? 0);
    this.open.at.push(rows.at[row] ?? 0);
    for (const name of this.features) this.open.columns[name]?.push(rows.columns[name]?.[row] ?? null);
  }

  private addLabel(rows: FeatureRows, index: number): void {
    const label = rows.labels[index];
    if (label === undefined || label.late) return;
    this.open.labels.eventIds.push(label.eventId);
    this.open.labels.values.push(label.value);
    this.open.labels.times.push(label.time);
    this.open.labels.at.push(label.at);
  }
}

/** The part of a segment that was known at the cut. */
export function cutSegment(segment: Segment, cut: number): Segment {
  const keep = (addresses: readonly number[]) => {
    const first = addresses.findIndex((address) => address > cut);
    return first < 0 ? addresses.length : first;
  };
  const rows = keep(segment.at);
  const labels = keep(segment.labels.at);
  const columns = Object.fromEntries(
    Object.entries(segment.columns).map(([name, cells]) => [name, cells.slice(0, rows)]),
  );
  return {
    ids: segment.ids.slice(0, rows),
    times: segment.times.slice(0, rows),
    at: segment.at.slice(0, rows),
    columns,
    labels: {
      eventIds: segment.labels.eventIds.slice(0, labels),
      values: segment.labels.values.slice(0, labels),
      times: segment.labels.times.slice(0, labels),
      at: segment.labels.at.slice(0, labels),
    },
  };
}

/** What a turn trains on: which segments of which shards, up to which cut. The data's version is a hash over all of it. */
export interface SnapshotManifest {
  readonly pipeline: string;
  readonly pipelineVersion: number;
  readonly featureSet: string;
  readonly features: readonly { readonly name: string; readonly type: 'number' | 'category' }[];
  readonly shards: readonly { readonly shard: number; readonly cut: number; readonly segments: readonly string[] }[];
  readonly rows: number;
  readonly labels: number;
  readonly from: number;
  readonly to: number;
}
