import type { Takeover } from '../read-model/models.js';
import type { WindowView } from '../read-model/shapes.js';

type Value = number | null;

/** The span of time that the chart and the strips below it show, ms. */
export interface TimeSpan {
  readonly from: number;
  readonly to: number;
}

/** From the first to the last window that anything was reported of; null before that. */
export function shownSpan(windows: readonly WindowView[]): TimeSpan | null {
  const reported = windows.filter((window) => window.performance !== null || window.drift !== null);
  const [first, last] = [reported[0], reported.at(-1)];
  return first === undefined || last === undefined ? null : { from: first.start, to: last.end };
}

/** The chart's columns: a point a window, and the mean over the last windows, weighted by their labels. */
export interface QualityData {
  readonly span: TimeSpan;
  /** Middle of each window, ms. */
  readonly times: readonly number[];
  readonly value: readonly Value[];
  readonly frozen: readonly Value[];
  readonly mean: readonly Value[];
  readonly frozenMean: readonly Value[];
  /** Hold-out quality of the model that served. */
  readonly reference: readonly Value[];
  /** Where a model took over, business ms. */
  readonly takeovers: readonly { readonly time: number; readonly model: number }[];
}

export function qualityData(
  windows: readonly WindowView[],
  takeovers: readonly Takeover[],
  trailing: number,
): QualityData {
  const reported = windows.filter((window) => window.performance !== null);
  const means = reported.map((_, index) => meanOver(reported.slice(Math.max(0, index - trailing + 1), index + 1)));
  return {
    span: shownSpan(windows) ?? { from: 0, to: 0 },
    times: reported.map((window) => (window.start + window.end) / 2),
    value: reported.map((window) => window.performance?.value ?? null),
    frozen: reported.map((window) => window.performance?.frozen ?? null),
    mean: means.map((mean) => mean.value),
    frozenMean: means.map((mean) => mean.frozen),
    reference: reported.map((window) => window.performance?.reference ?? null),
    takeovers: takeovers.map(({ model, at }) => ({ time: at.business, model })),
  };
}

export interface Mean {
  readonly value: Value;
  readonly frozen: Value;
}

/** The mean of the last windows that were reported, or null before the first. */
export function meanOf(windows: readonly WindowView[], trailing: number): Mean | null {
  const reported = windows.filter((window) => window.performance !== null).slice(-trailing);
  return reported.length === 0 ? null : meanOver(reported);
}

function meanOver(windows: readonly WindowView[]): Mean {
  return { value: weighted(windows, 'value'), frozen: weighted(windows, 'frozen') };
}

function weighted(windows: readonly WindowView[], arm: 'value' | 'frozen'): Value {
  let sum = 0;
  let weight = 0;
  for (const { performance } of windows) {
    const value = performance?.[arm] ?? null;
    if (performance === null || value === null) continue;
    sum += value * performance.labelled;
    weight += performance.labelled;
  }
  return weight === 0 ? null : sum / weight;
}
