import { type Cell, type PipelineSpec, type RecordBatch, recordsOf, rowStream } from '@relearn/contracts';
import type { FeatureRows } from '@relearn/features';

/** Entities whose latest features are kept for online reads; the one not seen for longest goes first. */
const maxEntities = 50_000;

export interface OnlineRow {
  readonly id: string;
  readonly time: number;
  readonly features: Readonly<Record<string, Cell>>;
}

/** The last computed features by entity: a view of the log, not part of any checkpoint. An older row never replaces a newer one. */
export class OnlineRows {
  private readonly latest = new Map<string, { rows: FeatureRows; row: number }>();
  private readonly entity: readonly string[];

  constructor(spec: PipelineSpec) {
    this.entity = spec.entity;
  }

  take(batch: RecordBatch, from: number, rows: FeatureRows): void {
    let row = 0;
    for (const record of recordsOf(batch)) {
      if (record.index < from || record.stream !== rowStream) continue;
      const key = this.entity.map((column) => String(record.section.columns[column]?.[record.row] ?? '')).join('|');
      const known = this.latest.get(key);
      const time = rows.times[row] ?? 0;
      if (known === undefined || (known.rows.times[known.row] ?? 0) <= time) {
        this.latest.delete(key);
        this.latest.set(key, { rows, row });
      }
      row += 1;
    }
    while (this.latest.size > maxEntities) {
      const oldest = this.latest.keys().next();
      if (oldest.done === true) return;
      this.latest.delete(oldest.value);
    }
  }

  /** The entity's last row, by the values of the entity columns in order. */
  get(values: readonly string[]): OnlineRow | null {
    const found = this.latest.get(values.join('|'));
    if (found === undefined) return null;
    const { rows, row } = found;
    const features = Object.fromEntries(
      Object.entries(rows.columns).map(([name, cells]) => [name, cells[row] ?? null]),
    );
    return { id: rows.ids[row] ?? '', time: rows.times[row] ?? 0, features };
  }
}
