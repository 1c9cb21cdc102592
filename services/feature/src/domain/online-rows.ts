import { type Cell, type PipelineSpec, type RecordBatch, rowStream } from '@relearn/contracts';
import { featureColumns, type FeatureRows } from '@relearn/features';

/** Entities whose latest features are kept for online reads; the one not seen for longest goes first. */
const maxEntities = 50_000;

export interface OnlineRow {
  readonly id: string;
  readonly time: number;
  readonly features: Readonly<Record<string, Cell>>;
}

/** A row's values in the order of `names`: copied, so that it keeps no batch alive. */
interface Latest {
  readonly id: string;
  readonly time: number;
  readonly values: readonly Cell[];
}

function keyOf(entity: readonly Cell[]): string {
  return entity.map((cell) => String(cell ?? '')).join('|');
}

/** The last computed features by entity: a view of the log, not part of any checkpoint. An older row never replaces a newer one. */
export class OnlineRows {
  private readonly latest = new Map<string, Latest>();
  private readonly entity: readonly string[];
  private readonly names: readonly string[];

  constructor(spec: PipelineSpec) {
    this.entity = spec.entity;
    this.names = featureColumns(spec).map(({ name }) => name);
  }

  take(batch: RecordBatch, from: number, rows: FeatureRows): void {
    const columns = this.names.map((name) => rows.columns[name] ?? []);
    for (const [key, row] of this.newest(batch, from, rows)) {
      const time = rows.times[row] ?? 0;
      const known = this.latest.get(key);
      if (known !== undefined && known.time > time) continue;
      this.latest.delete(key);
      this.latest.set(key, { id: rows.ids[row] ?? '', time, values: columns.map((cells) => cells[row] ?? null) });
    }
    while (this.latest.size > maxEntities) {
      const oldest = this.latest.keys().next();
      if (oldest.done === true) return;
      this.latest.delete(oldest.value);
    }
  }

  /** A row that was computed before: its features by name, under the values of the entity columns in order. */
  put(entity: readonly Cell[], { id, time, features }: OnlineRow): void {
    const key = keyOf(entity);
    const known = this.latest.get(key);
    if (known !== undefined && known.time > time) return;
    this.latest.set(key, { id, time, values: this.names.map((name) => features[name] ?? null) });
  }

  /** The entity's last row, by the values of the entity columns in order. */
  get(values: readonly string[]): OnlineRow | null {
    const found = this.latest.get(keyOf(values));
    if (found === undefined) return null;
    const features = Object.fromEntries(this.names.map((name, index) => [name, found.values[index] ?? null]));
    return { id: found.id, time: found.time, features };
  }

  /** By entity: the batch's row with the greatest time, of equal ones the last. */
  private newest(batch: RecordBatch, from: number, rows: FeatureRows): Map<string, number> {
    const next = batch.sections.map(() => 0);
    const cellsOf = batch.sections.map(({ stream, columns }) =>
      stream === rowStream ? this.entity.map((column) => columns[column] ?? []) : null,
    );
    const newest = new Map<string, number>();
    let row = 0;
    batch.order.forEach((which, index) => {
      const place = next[which] ?? 0;
      next[which] = place + 1;
      const cells = cellsOf[which] ?? null;
      if (cells === null || index < from) return;
      const key = keyOf(cells.map((column) => column[place] ?? null));
      const known = newest.get(key);
      if (known === undefined || (rows.times[known] ?? 0) <= (rows.times[row] ?? 0)) {
        newest.delete(key);
        newest.set(key, row);
      }
      row += 1;
    });
    return newest;
  }
}
