import { describe, expect, it } from 'vitest';
import {
  type Average,
  accuracyOf,
  balancedAccuracyOf,
  bootstrapDifference,
  type Confusion,
  confusion,
  f1Of,
  mcnemarChiSquare,
  mcnemarExact,
  metricOf,
  precisionOf,
  recallOf,
  type Weighted,
} from '../src/index.js';
import { type Case, columnOf, difference, numbersOf, readCases } from './golden/cases.js';

const metricCases = readCases('metrics');
const weightsOf = (from: Case): { weights?: number[] } =>
  'weight' in from.inputs ? { weights: numbersOf(from, 'weight') } : {};

function report(value: number | null, rows: number): Record<string, unknown> {
  if (rows === 0) return { state: value === null ? 'NO_DATA' : 'OK', statistic: value };
  return value === null ? { state: 'NOT_COMPUTABLE', statistic: Number.NaN } : { state: 'OK', statistic: value };
}

function differences(cases: readonly Case[], compute: (from: Case) => Record<string, unknown>): string[] {
  return cases.map((c) => difference(c, compute(c))).filter((d) => d !== undefined);
}

/** The confusion of two columns of labels; class 1 of a binary case is index 1. */
function labelled(from: Case): Confusion {
  const y = columnOf(from, 'y');
  const pred = columnOf(from, 'pred');
  const labels = [...new Set([...y, ...pred])].map(String);
  const names = labels.every((label) => label === '0' || label === '1') ? ['0', '1'] : labels;
  const index = (column: readonly unknown[]): number[] => column.map((v) => names.indexOf(String(v)));
  return confusion(index(y), index(pred), names.length, weightsOf(from).weights);
}

const ofLabels: Readonly<Record<string, (of: Confusion, average: Average) => number | null>> = {
  accuracy: accuracyOf,
  balanced_accuracy: balancedAccuracyOf,
  f1: f1Of,
  precision: precisionOf,
  recall: recallOf,
};

describe('metrics agree with scikit-learn', () => {
  it.each(['roc_auc', 'average_precision', 'log_loss', 'brier', 'rmse', 'mse', 'mae', 'mape', 'r2'])('%s', (name) => {
    const own = metricCases.filter((c) => c.method === name);
    expect(own.length).toBeGreaterThan(40);
    const compute = (from: Case): Record<string, unknown> => {
      const truth = numbersOf(from, 'y');
      const prediction = numbersOf(from, 'score' in from.inputs ? 'score' : 'value');
      return report(metricOf(name).compute({ truth, prediction, ...weightsOf(from) }), truth.length);
    };
    expect(differences(own, compute)).toEqual([]);
  });

  it.each(Object.keys(ofLabels))('%s', (name) => {
    const own = metricCases.filter((c) => c.method === name);
    expect(own.length).toBeGreaterThan(40);
    const compute = (from: Case): Record<string, unknown> => {
      const average = (from.params['average'] ?? 'binary') as Average;
      return report(ofLabels[name]?.(labelled(from), average) ?? null, columnOf(from, 'y').length);
    };
    expect(differences(own, compute)).toEqual([]);
  });

  it('confusion', () => {
    const own = metricCases.filter((c) => c.method === 'confusion');
    expect(own.length).toBeGreaterThan(40);
    const compute = (from: Case): Record<string, unknown> => {
      const [a, b, c, d] = labelled(from).cells;
      return {
        state: columnOf(from, 'y').length === 0 ? 'NO_DATA' : 'OK',
        matrix: [
          [a, b],
          [c, d],
        ],
      };
    };
    expect(differences(own, compute)).toEqual([]);
  });
});

const paired = readCases('paired');

describe('paired tests agree with statsmodels and the stated definition', () => {
  it('mcnemar', () => {
    const compute = (from: Case): Record<string, unknown> => {
      const [, b = 0, c = 0] = numbersOf(from, 'cells');
      const correction = from.params['correction'] !== false;
      const result = from.params['exact'] === true ? mcnemarExact(b, c) : mcnemarChiSquare(b, c, correction);
      return { ...report(result.statistic, 1), p_value: result.pValue ?? Number.NaN };
    };
    const own = paired.filter((c) => c.method === 'mcnemar');
    expect(own.length).toBe(153);
    expect(differences(own, compute)).toEqual([]);
  });

  const meanOf =
    (values: readonly number[]): Weighted =>
    (weights) =>
      values.reduce((sum, value, i) => sum + value * (weights[i] ?? 0), 0) / values.length;

  it('bootstrap:paired-percentile', () => {
    const compute = (from: Case): Record<string, unknown> => {
      const [a, b] = [numbersOf(from, 'a'), numbersOf(from, 'b')];
      const ofMeans = from.params['of'] === 'mean-difference';
      const prepare = (values: number[]): Weighted =>
        ofMeans ? meanOf(values) : metricOf('roc_auc').prepare({ truth: numbersOf(from, 'y'), prediction: values });
      const { rounds, seed, confidence } = from.params;
      const options = { rounds: Number(rounds), seed: Number(seed), confidence: Number(confidence) };
      const result = bootstrapDifference(a.length, prepare(a), prepare(b), options);
      const { low, high, roundsUsed: rounds_used, pValue: share_at_or_below_zero } = result;
      return { ...report(result.difference, a.length), low, high, rounds_used, share_at_or_below_zero };
    };
    const own = paired.filter((c) => c.method === 'bootstrap:paired-percentile');
    expect(own.length).toBe(81);
    expect(differences(own, compute)).toEqual([]);
  });
});
