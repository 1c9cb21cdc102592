import type { Cell } from '@relearn/contracts';
import type { KeyState } from '../plan/frame.js';
import type { TablePlan } from '../plan/plan.js';
import { categoryOf, windowNumberOf } from '../values.js';
import type { StateReader, StateWriter } from './bytes.js';
import { HeldRecords } from './held-records.js';
import { type SeriesPlan, WindowSeries } from './window-series.js';

/** A label in the two forms that windows keep. */
export interface LabelForms {
  readonly number: number | null;
  readonly text: string | null;
}

/** Windows over rows and labels, and lags, by the values of one list of columns. */
export class KeyTable {
  readonly plan: TablePlan;
  /** Whether rows, or labels, leave anything here. */
  readonly keepsRows: boolean;
  readonly keepsLabels: boolean;
  private readonly states = new Map<string, KeyState>();

  constructor(plan: TablePlan) {
    this.plan = plan;
    this.keepsRows = plan.lagKeep > 0 || plan.series.some(({ source }) => source === 'rows');
    this.keepsLabels = plan.series.some(({ source }) => source === 'labels');
  }

  get size(): number {
    return this.states.size;
  }

  get(key: string): KeyState | undefined {
    return this.states.get(key);
  }

  insertRow(key: string, time: number, cells: readonly Cell[], watermark: number): void {
    const { plan } = this;
    const { series, lags } = this.open(key);
    for (let index = 0; index < series.length; index++) {
      const kept = plan.series[index];
      if (kept?.source !== 'rows') continue;
      const value = valueOf(kept, cells);
      if (value !== null) series[index]?.insert(time, value, watermark);
    }
    if (lags === undefined) return;
    lags.insert(
      time,
      plan.lagSlots.map((slot) => cells[slot] ?? null),
      watermark,
    );
  }

  insertLabel(key: string, time: number, label: LabelForms, watermark: number): void {
    const { series } = this.open(key);
    for (let index = 0; index < series.length; index++) {
      const kept = this.plan.series[index];
      if (kept?.source !== 'labels') continue;
      const value = kept.storage === 'number' ? label.number : label.text;
      if (value !== null) series[index]?.insert(time, value, watermark);
    }
  }

  /** Drops what the watermark has passed, and keys of which nothing is left. */
  sweep(watermark: number): void {
    for (const [key, state] of this.states) {
      let left = 0;
      for (const series of state.series) {
        series.prune(watermark);
        left += series.size;
      }
      state.lags?.prune(watermark, Number.NEGATIVE_INFINITY);
      if (left === 0 && (state.lags?.times.length ?? 0) === 0) this.states.delete(key);
    }
  }

  /** To be called after a sweep: equal states then give equal bytes. */
  save(writer: StateWriter): void {
    writer.number(this.states.size);
    for (const key of [...this.states.keys()].sort()) {
      const state = this.states.get(key);
      writer.text(key);
      for (const series of state?.series ?? []) {
        writer.number(series.size);
        for (let index = series.head; index < series.times.length; index++) {
          writer.number(series.times[index] ?? 0);
          writer.cell(series.values[index] ?? null);
        }
      }
      state?.lags?.save(writer);
    }
  }

  load(reader: StateReader): void {
    for (let keys = reader.number(); keys > 0; keys--) {
      const { series, lags } = this.open(reader.text());
      for (const kept of series) {
        for (let left = reader.number(); left > 0; left--) {
          const time = reader.number();
          const value = reader.cell();
          if (typeof value === 'number' || typeof value === 'string') {
            kept.insert(time, value, Number.NEGATIVE_INFINITY);
          }
        }
      }
      lags?.load(reader, this.plan.lagSlots.length);
    }
  }

  private open(key: string): KeyState {
    let state = this.states.get(key);
    if (state === undefined) {
      const { series, lagKeep } = this.plan;
      state = {
        series: series.map((plan) => new WindowSeries(plan)),
        lags: lagKeep === 0 ? undefined : new HeldRecords(lagKeep),
      };
      this.states.set(key, state);
    }
    return state;
  }
}

function valueOf(plan: SeriesPlan, cells: readonly Cell[]): number | string | null {
  if (plan.slot === undefined) return 1;
  const cell = cells[plan.slot] ?? null;
  return plan.storage === 'number' ? windowNumberOf(cell) : categoryOf(cell);
}
