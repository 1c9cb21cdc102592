import type { Cause, DataOf, driftReported, FeatureDrift, performanceReported, PipelineSpec } from '@relearn/contracts';
import {
  binnedDrift,
  mergeCounts,
  mergePerformance,
  metricOf,
  type PerformanceCounts,
  performanceMetric,
  performanceRows,
  type WindowCounts,
} from '@relearn/stats';
import type { Reference } from './reference.js';
import type { OutcomeWindow, Profiled, TriggerState } from './trigger-state.js';

export type DriftReport = DataOf<typeof driftReported>;
export type PerformanceReport = DataOf<typeof performanceReported>;

/** Of a typical window's rows, for which thresholds hold; a window of fewer, such as one cut short, is not judged. */
const leastShare = 1 / 3;

function rowsOf({ counts, nulls }: WindowCounts): number {
  return counts.reduce((sum, count) => sum + count, nulls);
}

/** Drift of a complete window of the champion's inputs against the champion's own reference. */
export function judgeDrift(
  spec: PipelineSpec,
  profiles: readonly Profiled[],
  model: number,
  reference: Reference,
): DriftReport {
  const [first] = profiles;
  const window = { start: first?.start ?? 0, end: first?.end ?? 0 };
  const counts = profiles.flatMap((profile) =>
    profile.models
      .filter((one) => one.arm === 'champion' && one.model === model && one.counts !== undefined)
      .map((one) => one.counts as Record<string, WindowCounts>),
  );
  const features = Object.entries(reference.drift).map(([feature, { method, threshold }]): FeatureDrift => {
    const column = reference.profile.columns[feature];
    const merged = counts.map((shard) => shard[feature]).filter((one) => one !== undefined);
    const [start, ...rest] = merged;
    if (column === undefined || start === undefined)
      return { feature, method, statistic: null, threshold, state: 'NO_DATA' };
    const window = rest.reduce(mergeCounts, start);
    if (rowsOf(window) < leastShare * reference.windowRows)
      return { feature, method, statistic: null, threshold, state: 'NO_DATA' };
    const { statistic, state } = binnedDrift(method, column, window, threshold);
    return {
      feature,
      method,
      statistic: statistic !== null && Number.isFinite(statistic) ? statistic : null,
      threshold,
      state,
    };
  });
  const judged = features.filter((feature) => feature.state === 'OK' || feature.state === 'DRIFT');
  const share =
    judged.length === 0 ? null : judged.filter((feature) => feature.state === 'DRIFT').length / judged.length;
  const state = share === null ? 'NO_DATA' : share >= spec.monitor.drift.share ? 'DRIFT' : 'OK';
  const rows = profiles.reduce((sum, profile) => sum + profile.predictions, 0);
  return { ...window, model, rows, state, share, features };
}

/** The drifted features, most drifted first in multiples of their thresholds. */
export function causesOf(report: DriftReport): Cause[] {
  const { start, end } = report;
  return report.features
    .filter((feature) => feature.state === 'DRIFT')
    .sort((a, b) => (b.statistic ?? 0) / (b.threshold ?? 1) - (a.statistic ?? 0) / (a.threshold ?? 1))
    .slice(0, 10)
    .map(({ feature, method, statistic, threshold }) => ({ feature, method, statistic, threshold, start, end }));
}

const scoreBinsKept = 200;

/** Scores on 200 bins instead of 2,000: as exact a merge, a tenth of the size, for state that is kept over many windows. */
function coarse(scores: PerformanceCounts): PerformanceCounts {
  if (scores.task !== 'binary') return scores;
  const width = 2000 / scoreBinsKept;
  const bins = new Map<number, [number, number]>();
  scores.bins.forEach((bin, index) => {
    const to = Math.floor(bin / width) * width + width / 2;
    const [negatives, positives] = bins.get(to) ?? [0, 0];
    bins.set(to, [negatives + (scores.negatives[index] ?? 0), positives + (scores.positives[index] ?? 0)]);
  });
  const entries = [...bins];
  return {
    ...scores,
    bins: entries.map(([bin]) => bin),
    negatives: entries.map(([, [negatives]]) => negatives),
    positives: entries.map(([, [, positives]]) => positives),
  };
}

function merged(scores: readonly PerformanceCounts[]): PerformanceCounts | null {
  const [first, ...rest] = scores;
  return first === undefined ? null : rest.reduce(mergePerformance, first);
}

/** The champion's outcomes of a complete window, for the trailing figure; null when it scored nothing in it. */
export function outcomeOf(profiles: readonly Profiled[], model: number): OutcomeWindow | null {
  const scores = merged(
    profiles.flatMap((profile) =>
      profile.models
        .filter((one) => one.arm === 'champion' && one.model === model)
        .map((one) => one.scores as PerformanceCounts),
    ),
  );
  return scores === null
    ? null
    : { end: profiles[0]?.end ?? 0, model, labelled: performanceRows(scores), scores: coarse(scores) };
}

/** Realised quality of a complete window, of the frozen model beside it, and of the champion's last windows together. */
export function judgePerformance(
  state: TriggerState,
  spec: PipelineSpec,
  profiles: readonly Profiled[],
  reference: Reference | null,
): PerformanceReport {
  const metric = metricOf(spec.evaluate.metrics[0]?.name ?? '');
  const [first] = profiles;
  const model = state.champion?.model ?? 0;
  const armScores = (arm: 'champion' | 'frozen') =>
    merged(
      profiles.flatMap((profile) =>
        profile.models.filter((one) => one.arm === arm).map((one) => one.scores as PerformanceCounts),
      ),
    );
  const value = (scores: PerformanceCounts | null) => (scores === null ? null : performanceMetric(metric.name, scores));
  const own = outcomeOf(profiles, model);
  const kept = [...state.outcomes.filter((window) => window.model === model), ...(own === null ? [] : [own])];
  const last = kept.slice(-spec.monitor.performance.windows);
  const labels = last.reduce((sum, window) => sum + window.labelled, 0);
  const full = last.length >= spec.monitor.performance.windows && labels >= spec.monitor.performance.minimum_labels;
  const trailing = full ? value(merged(last.map((window) => window.scores))) : null;
  const target = reference?.performance[metric.name] ?? null;
  return {
    start: first?.start ?? 0,
    end: first?.end ?? 0,
    metric: metric.name,
    model,
    value: value(armScores('champion')),
    frozen: value(armScores('frozen')),
    trailing,
    reference: target,
    labelled: profiles.reduce((sum, profile) => sum + profile.labelled, 0),
    predictions: profiles.reduce((sum, profile) => sum + profile.predictions, 0),
    state: performanceState(spec, trailing, target, marginOf(reference, labels)),
  };
}

/** One-sided, 95 % of a normal distribution. */
const certain = 1.645;

/** By how much the quality of so many rows may differ from the hold-out's by chance. */
function marginOf(reference: Reference | null, labels: number): number {
  if (reference === null || reference.error === null || labels === 0) return 0;
  const { standardError, rows } = reference.error;
  return certain * standardError * Math.sqrt(1 + rows / labels);
}

/**
 * Worse than the reference by more than `drop` (a score's own units; of an error measure, which has the label's unit, a
 * share of the reference) and by more than chance.
 */
function performanceState(
  spec: PipelineSpec,
  trailing: number | null,
  target: number | null,
  margin: number,
): FeatureDrift['state'] {
  if (trailing === null) return 'NO_DATA';
  if (target === null) return 'NOT_COMPUTABLE';
  const { greaterIsBetter } = metricOf(spec.evaluate.metrics[0]?.name ?? '');
  const drop = spec.retrain.performance?.drop ?? Number.POSITIVE_INFINITY;
  const allowed = greaterIsBetter ? drop : drop * Math.abs(target);
  const worse = greaterIsBetter ? target - trailing : trailing - target;
  return worse > Math.max(allowed, margin) ? 'DRIFT' : 'OK';
}
