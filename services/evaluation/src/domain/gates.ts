import type { Gate, PipelineSpec } from '@relearn/contracts';
import { discordant, mcnemarExact, type Metric, metricOf, pairedBootstrap } from '@relearn/stats';

/** Truth and two models' predictions of the same hold-out rows. */
export interface Paired {
  readonly truth: Float64Array;
  readonly candidate: Float64Array;
  readonly champion: Float64Array;
  readonly classes: number;
}

export type Verdict = Gate['verdict'];

/** Everything must pass; what is missing or not computable is a failure, what the data cannot decide is inconclusive. */
export function overall(gates: readonly Gate[]): Verdict {
  if (gates.length === 0 || gates.some((gate) => gate.verdict === 'rejected')) return 'rejected';
  return gates.some((gate) => gate.verdict === 'inconclusive') ? 'inconclusive' : 'passed';
}

/** One gate a declared bound. A metric that could not be computed fails its gate. */
export function boundGates(spec: PipelineSpec, metrics: Readonly<Record<string, number | null>>): Gate[] {
  return spec.evaluate.metrics.flatMap(({ name, minimum, maximum }) => [
    ...(minimum === undefined
      ? []
      : [bound(`minimum ${name}`, metrics[name] ?? null, minimum, (value) => value >= minimum)]),
    ...(maximum === undefined
      ? []
      : [bound(`maximum ${name}`, metrics[name] ?? null, maximum, (value) => value <= maximum)]),
  ]);
}

/** A gate of one measured value. */
export function bound(name: string, value: number | null, threshold: number, holds: (value: number) => boolean): Gate {
  const measured = value !== null && Number.isFinite(value);
  const verdict = measured && holds(value) ? 'passed' : 'rejected';
  return { name, verdict, value: measured ? value : null, threshold, detail: measured ? '' : 'could not be computed' };
}

/** A model that is no better than answering the same for every row is of no use, whatever the bounds say. */
export function baselineGate(metric: Metric, value: number | null, constant: number | null): Gate {
  const name = `beats a constant in ${metric.name}`;
  if (value === null || constant === null) {
    return { name, verdict: 'rejected', value, threshold: constant, detail: 'could not be computed' };
  }
  const better = metric.greaterIsBetter ? value > constant : value < constant;
  return { name, verdict: better ? 'passed' : 'rejected', value, threshold: constant, detail: '' };
}

/**
 * Candidate against champion on the same rows. Bootstrap: the interval of the difference in the pipeline's metric lies
 * above minus the tolerance (passed), below it (rejected), or holds it (inconclusive). McNemar: exact and one-sided on
 * the rows that only one of the two gets right.
 */
export function championGate(spec: PipelineSpec, paired: Paired): Gate {
  const { test } = spec.evaluate.champion;
  return test === 'mcnemar' && spec.train.task !== 'regression'
    ? mcnemarGate(spec, paired)
    : bootstrapGate(spec, paired);
}

function bootstrapGate(spec: PipelineSpec, { truth, candidate, champion, classes }: Paired): Gate {
  const { confidence, rounds, tolerance } = spec.evaluate.champion;
  const metric = metricOf(spec.evaluate.metrics[0]?.name ?? '');
  const multiclass = spec.train.task === 'multiclass' ? { classes } : {};
  const result = pairedBootstrap(
    metric,
    { truth, candidate, champion, ...multiclass },
    { rounds, seed: spec.train.seed, confidence },
  );
  const { difference, low, high } = result;
  const gate = { name: `better than the champion in ${metric.name}`, value: difference, threshold: -tolerance };
  if (low === null || high === null) return { ...gate, verdict: 'rejected', detail: 'could not be computed' };
  const detail = `difference ${figure(difference)}, ${confidence * 100} % interval ${figure(low)} to ${figure(high)}, ${truth.length} rows`;
  if (low > -tolerance) return { ...gate, verdict: 'passed', detail };
  return { ...gate, verdict: high < -tolerance ? 'rejected' : 'inconclusive', detail };
}

function mcnemarGate(spec: PipelineSpec, { truth, candidate, champion, classes }: Paired): Gate {
  const { confidence } = spec.evaluate.champion;
  const labels = (prediction: Float64Array) => predictedClass(prediction, classes);
  const { onlyFirst, onlySecond } = discordant(truth, labels(candidate), labels(champion));
  const better = mcnemarExact(onlyFirst, onlySecond);
  const worse = mcnemarExact(onlySecond, onlyFirst);
  const detail = `${onlyFirst} rows only the candidate gets right, ${onlySecond} only the champion`;
  const gate = {
    name: 'better than the champion (McNemar)',
    value: better.firstBetterPValue,
    threshold: 1 - confidence,
    detail,
  };
  if (better.firstBetterPValue <= 1 - confidence) return { ...gate, verdict: 'passed' };
  return { ...gate, verdict: worse.firstBetterPValue <= 1 - confidence ? 'rejected' : 'inconclusive' };
}

/** Class by the greatest probability; one column is the second of two classes, from a half on. */
export function predictedClass(prediction: Float64Array, classes: number): Float64Array {
  if (classes <= 2) return prediction.map((p) => (p >= 0.5 ? 1 : 0));
  const rows = prediction.length / classes;
  return Float64Array.from({ length: rows }, (_, row) => {
    const scores = prediction.subarray(row * classes, (row + 1) * classes);
    return scores.indexOf(scores.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY));
  });
}

function figure(value: number | null): string {
  return value === null ? 'none' : value.toPrecision(4);
}
