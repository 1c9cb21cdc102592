import type { Cell } from '@relearn/contracts';
import { keyOf } from '../plan/cell-reader.js';
import type { JoinPlan } from '../plan/plan.js';
import type { StateReader, StateWriter } from './bytes.js';
import { HeldRecords } from './held-records.js';

/** The latest records of a context stream by the columns that join them. */
export class ContextTable {
  readonly plan: JoinPlan;
  private readonly held = new Map<string, HeldRecords>();

  constructor(plan: JoinPlan) {
    this.plan = plan;
  }

  get size(): number {
    return this.held.size;
  }

  /** The records that a row's cells join, by its key. */
  get(rowCells: readonly Cell[]): HeldRecords | undefined {
    const key = keyOf(rowCells, this.plan.rowSlots);
    return key === null ? undefined : this.held.get(key);
  }

  insert(time: number, cells: readonly Cell[], watermark: number): void {
    const key = keyOf(cells, this.plan.contextSlots);
    if (key === null) return;
    const values = this.plan.valueSlots.map((slot) => cells[slot] ?? null);
    this.open(key).insert(time, values, watermark);
  }

  /** Drops records that no row can join any more, and keys of which none is left. */
  sweep(watermark: number): void {
    for (const [key, records] of this.held) {
      records.prune(watermark, watermark - this.plan.maxAge);
      if (records.times.length === 0) this.held.delete(key);
    }
  }

  /** To be called after a sweep: equal states then give equal bytes. */
  save(writer: StateWriter): void {
    writer.number(this.held.size);
    for (const key of [...this.held.keys()].sort()) {
      writer.text(key);
      this.held.get(key)?.save(writer);
    }
  }

  load(reader: StateReader): void {
    for (let keys = reader.number(); keys > 0; keys--) {
      this.open(reader.text()).load(reader, this.plan.valueSlots.length);
    }
  }

  private open(key: string): HeldRecords {
    let records = this.held.get(key);
    if (records === undefined) {
      records = new HeldRecords(1);
      this.held.set(key, records);
    }
    return records;
  }
}
