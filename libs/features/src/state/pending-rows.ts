import type { StateReader, StateWriter } from './bytes.js';

/** A row whose label is not known yet: its time and its keys in the tables that keep labels. */
export interface PendingRow {
  readonly time: number;
  readonly keys: readonly (string | null)[];
}

/** Rows that wait for their label, by id, until the watermark is more than `maxDelay` past them. */
export class PendingRows {
  private readonly rows = new Map<string, PendingRow>();
  private readonly maxDelay: number;

  constructor(maxDelay: number) {
    this.maxDelay = maxDelay;
  }

  get size(): number {
    return this.rows.size;
  }

  add(id: string, row: PendingRow): void {
    this.rows.set(id, row);
  }

  /** The row that a label known at `time` belongs to; undefined when the label is too late or the row is unknown. */
  find(id: string, time: number, watermark: number): PendingRow | undefined {
    const row = this.rows.get(id);
    if (row === undefined || row.time + this.maxDelay < Math.max(time, watermark)) return undefined;
    return row;
  }

  remove(id: string): void {
    this.rows.delete(id);
  }

  sweep(watermark: number): void {
    for (const [id, row] of this.rows) if (row.time + this.maxDelay < watermark) this.rows.delete(id);
  }

  /** To be called after a sweep: equal states then give equal bytes. */
  save(writer: StateWriter): void {
    const entries = [...this.rows].sort(([a, { time: first }], [b, { time: second }]) =>
      first === second ? (a < b ? -1 : 1) : first - second,
    );
    writer.number(entries.length);
    for (const [id, { time, keys }] of entries) {
      writer.text(id);
      writer.number(time);
      for (const key of keys) writer.cell(key);
    }
  }

  /** Reads what `save` wrote of rows with so many keys. */
  load(reader: StateReader, width: number): void {
    for (let left = reader.number(); left > 0; left--) {
      const id = reader.text();
      const time = reader.number();
      const keys = Array.from({ length: width }, () => {
        const key = reader.cell();
        return typeof key === 'string' ? key : null;
      });
      this.rows.set(id, { time, keys });
    }
  }
}
