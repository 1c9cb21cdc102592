import type { PipelineSpec, RecordBatch } from '@relearn/contracts';
import {
  createFeatureEngine,
  type FeatureEngine,
  featureColumns,
  type FeatureRows,
  featureSetHash,
  type Segment,
  type SegmentRef,
  SegmentWriter,
} from '@relearn/features';
import { OnlineRows } from './online-rows.js';

/** What one pipeline's shard keeps: the engine's windows, and the offline log as finished segments and an open one. */
export class PipelineState {
  readonly spec: PipelineSpec;
  readonly featureSet: string;
  readonly segments: SegmentRef[];
  readonly online: OnlineRows;
  private readonly engine: FeatureEngine;
  private readonly writer: SegmentWriter;
  private rows: number;

  constructor(spec: PipelineSpec, saved?: { engine: Uint8Array; segments: SegmentRef[]; tail: Segment }) {
    this.spec = spec;
    this.featureSet = featureSetHash(spec);
    this.engine = createFeatureEngine(spec, saved?.engine);
    this.segments = saved?.segments ?? [];
    this.writer = new SegmentWriter(
      featureColumns(spec).map((feature) => feature.name),
      saved?.tail,
    );
    this.rows = this.segments.reduce((sum, segment) => sum + segment.rows, 0) + this.writer.tail.ids.length;
    this.online = new OnlineRows(spec);
  }

  /** Rows in the offline log. */
  get size(): number {
    return this.rows;
  }

  get tail(): Segment {
    return this.writer.tail;
  }

  watermark(): number | null {
    const watermark = this.engine.watermark();
    return Number.isFinite(watermark) ? watermark : null;
  }

  saveEngine(): Uint8Array {
    return this.engine.save();
  }

  /** Features of the batch's rows from record `from` on; finished segments are handed to `store`, which names them. */
  apply(
    batch: RecordBatch,
    addresses: readonly number[],
    from: number,
    store: (segment: Segment) => string,
  ): FeatureRows {
    const rows = this.engine.apply(batch, addresses, from);
    this.rows += rows.ids.length;
    this.writer.add(rows, (segment) => {
      const [from, to] = extent(segment);
      this.segments.push({
        digest: store(segment),
        from,
        to,
        rows: segment.ids.length,
        labels: segment.labels.at.length,
      });
    });
    this.online.take(batch, from, rows);
    return rows;
  }

  /** Are these the features that it computes? */
  hasFeatures(names: readonly string[]): boolean {
    const own = featureColumns(this.spec).map(({ name }) => name);
    return own.length === names.length && own.every((name) => names.includes(name));
  }

  /** Windowed and joined features for the keys as of the watermark. */
  current(keys: Readonly<Record<string, string | number | boolean | null>>) {
    return this.engine.online(keys);
  }
}

function extent(segment: Segment): [number, number] {
  const firsts = [segment.at[0], segment.labels.at[0]].filter((at): at is number => at !== undefined);
  const lasts = [segment.at.at(-1), segment.labels.at.at(-1)].filter((at): at is number => at !== undefined);
  return [Math.min(...firsts), Math.max(...lasts)];
}
