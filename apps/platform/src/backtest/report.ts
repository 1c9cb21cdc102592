import type { AuditReport } from '@relearn/audit';
import type { Cause, FeatureDrift, Gate, PipelineSpec } from '@relearn/contracts';
import { formatTimestamp } from '@relearn/kernel';
import type { Ports } from '@relearn/runtime';
import { metricOf } from '@relearn/stats';
import { readControl, type ControlFigures } from './control-figures.js';
import { rangesOf, type ReportRange, type WindowRule } from './report-windows.js';
import { type BacktestRow, readRows } from './rows.js';

export interface ReportWindow {
  readonly start: string;
  readonly end: string;
  readonly rows: number;
  readonly predictions: number;
  readonly labelled: number;
  readonly model_version: number | null;
  readonly metric: number | null;
  readonly frozen_metric: number | null;
  readonly drift: { readonly state: FeatureDrift['state']; readonly causes: readonly string[] };
}

export interface BacktestReport {
  readonly pipeline: string;
  readonly windows: readonly ReportWindow[];
  readonly retrains: readonly {
    readonly time: string;
    readonly reason: string;
    readonly causes: readonly Cause[];
    readonly outcome: string;
  }[];
  readonly promotions: readonly { readonly time: string; readonly version: number; readonly gate: readonly Gate[] }[];
  readonly totals: {
    readonly rows: number;
    readonly predictions: number;
    readonly retrains: number;
    readonly promotions: number;
    readonly metric: {
      readonly name: string;
      readonly mean: number | null;
      readonly frozen_mean: number | null;
      readonly overall: number | null;
      readonly frozen_overall: number | null;
    };
    readonly wall_seconds: number;
  };
  readonly audit: AuditReport;
}

/** The share of a window's rows that must have been predicted for it to count in the mean. */
const predictedShare = 0.9;

export async function buildReport(
  ports: Ports,
  spec: PipelineSpec,
  rule: WindowRule,
): Promise<Omit<BacktestReport, 'audit'>> {
  const rows = await readRows(ports, spec);
  const control = await readControl(ports);
  const times = Float64Array.from(rows, (row) => row.time);
  const windows = rangesOf(rule, times).map((range) =>
    windowOf(spec, rows.slice(range.from, range.to), range, control),
  );
  const counted = windows.filter((window) => window.rows > 0 && window.predictions >= predictedShare * window.rows);
  const all = metricsOf(spec, rows);
  return {
    pipeline: spec.name,
    windows,
    retrains: control.retrains.map(({ started: _, ...request }) => request),
    promotions: control.promotions,
    totals: {
      rows: rows.length,
      predictions: rows.filter((row) => row.champion !== null).length,
      retrains: control.retrains.filter((request) => request.started && request.reason !== 'first').length,
      promotions: control.promotions.length,
      metric: {
        name: spec.evaluate.metrics[0]?.name ?? '',
        mean: mean(counted.map((window) => window.metric)),
        frozen_mean: mean(counted.map((window) => window.frozen_metric)),
        overall: all.champion,
        frozen_overall: all.frozen,
      },
      wall_seconds: 0,
    },
  };
}

function windowOf(
  spec: PipelineSpec,
  rows: readonly BacktestRow[],
  range: ReportRange,
  control: ControlFigures,
): ReportWindow {
  const { champion, frozen } = metricsOf(spec, rows);
  return {
    start: formatTimestamp(range.start),
    end: formatTimestamp(range.end),
    rows: rows.length,
    predictions: rows.filter((row) => row.champion !== null).length,
    labelled: rows.filter((row) => row.label !== null).length,
    model_version: mostFrequent(rows),
    metric: champion,
    frozen_metric: frozen,
    drift: control.driftIn(range.start, range.end),
  };
}

/** The pipeline's metric over the rows that were predicted and are labelled; the frozen model's over the same rows. */
function metricsOf(
  spec: PipelineSpec,
  rows: readonly BacktestRow[],
): { champion: number | null; frozen: number | null } {
  const judged = rows.filter((row) => row.champion !== null && row.label !== null);
  const metric = metricOf(spec.evaluate.metrics[0]?.name ?? '');
  const classes = spec.train.task === 'multiclass' ? { classes: spec.label.classes.length } : {};
  const compute = (of: (row: BacktestRow) => readonly number[] | null) => {
    if (judged.length === 0 || judged.some((row) => of(row) === null)) return null;
    const truth = judged.map((row) => row.label ?? 0);
    return metric.compute({ truth, prediction: judged.flatMap((row) => of(row) ?? []), ...classes });
  };
  return { champion: compute((row) => row.champion), frozen: compute((row) => row.frozen) };
}

function mostFrequent(rows: readonly BacktestRow[]): number | null {
  const counts = new Map<number, number>();
  for (const { model } of rows) if (model !== null) counts.set(model, (counts.get(model) ?? 0) + 1);
  const [most] = [...counts].sort(([a, n], [b, m]) => m - n || a - b);
  return most?.[0] ?? null;
}

function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}
