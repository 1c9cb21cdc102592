import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addTotals,
  ClassCounter,
  ErrorCounter,
  ExactSum,
  emptyClasses,
  emptyPerformance,
  mergePerformance,
  metricOf,
  type PerformanceCounts,
  performanceCounter,
  performanceMetric,
  performanceRows,
  ScoreCounter,
  valueOf,
} from '../src/index.js';
import { build } from './golden/recipes.js';

const finite = fc.double({ noNaN: true, noDefaultInfinity: true });

function summed(values: readonly number[]): string {
  const sum = new ExactSum();
  for (const value of values) sum.add(value);
  return sum.total();
}

describe('exact sums', () => {
  it('are the same in any order and partition', () => {
    fc.assert(
      fc.property(fc.array(finite), fc.nat(), (values, cut) => {
        const at = cut % (values.length + 1);
        const backwards = values.toReversed();
        const merged = addTotals(summed(backwards.slice(at)), summed(backwards.slice(0, at)));
        expect(merged).toBe(summed(values));
      }),
    );
  });

  it('give back a single number, and 0 for a number and its negative', () => {
    fc.assert(
      fc.property(finite, finite, (x, y) => {
        expect(valueOf(summed([x]))).toBe(x + 0);
        expect(summed([x, y, -x, -y])).toBe('0');
        expect(valueOf(summed([x, y]))).toBe(x + y + 0);
      }),
    );
  });

  it('hold what doubles lose', () => {
    expect(valueOf(summed([1e300, 1, -1e300]))).toBe(1);
    expect(summed([-1.5])).toBe('-3p-1');
    expect(valueOf(summed([Number.MAX_VALUE, Number.MAX_VALUE]))).toBe(Infinity);
    expect(valueOf(summed([1e308, 1e308, 5e-324, -1e308]))).toBe(1e308);
  });

  it('round to the nearest double, however far away the last bit is', () => {
    const half = Number.EPSILON / 2;
    expect(valueOf(summed([1, half]))).toBe(1);
    expect(valueOf(summed([1, half, 5e-324]))).toBe(1 + Number.EPSILON);
    expect(valueOf(summed([-1, -half, -5e-324]))).toBe(-1 - Number.EPSILON);
  });

  it('stay exact over millions of additions', () => {
    const n = 5_000_000;
    const sum = new ExactSum();
    for (let i = 0; i < n; i++) sum.add(1 - Number.EPSILON / 2);
    expect(sum.total()).toBe(addTotals(`${(BigInt(n) * (2n ** 53n - 1n)).toString(16)}p-53`, '0'));
  });

  it('refuse what is no finite number and no total', () => {
    expect(() => new ExactSum().add(Number.NaN)).toThrow(/exact sum/);
    expect(() => addTotals('1.5', '0')).toThrow(/no exact total/);
  });
});

type Row = readonly [truth: number, prediction: number];

function count(start: PerformanceCounts, rows: readonly Row[]): PerformanceCounts {
  const counter = performanceCounter(start);
  for (const [truth, prediction] of rows) {
    if (counter instanceof ClassCounter) counter.add(truth, [1 - prediction, prediction, 0]);
    else counter.add(truth, prediction);
  }
  return counter.snapshot();
}

const row = fc.tuple(
  fc.constantFrom(0, 1),
  fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constant(Number.NaN)),
);

describe('performance counts', () => {
  it.each([emptyPerformance('binary'), emptyPerformance('regression'), emptyClasses(3)])(
    'of a $task task have the same bytes in any order and partition',
    (empty) => {
      fc.assert(
        fc.property(fc.array(row), fc.nat(), (rows, cut) => {
          const at = cut % (rows.length + 1);
          const backwards = rows.toReversed();
          const parts = [backwards.slice(0, at), backwards.slice(at)].map((part) => count(empty, part));
          const whole = JSON.stringify(count(empty, rows));
          expect(JSON.stringify(parts.reduce(mergePerformance, empty))).toBe(whole);
          const [first = empty] = parts;
          expect(JSON.stringify(count(first, backwards.slice(at)))).toBe(whole);
          expect(performanceRows(count(empty, rows))).toBe(rows.filter(([, p]) => !Number.isNaN(p)).length);
        }),
      );
    },
  );

  const score = build({ generator: 'sum', seed: 3, n: 20_000, k: 3, loc: 0.5, scale: 0.25 }).map(Number);
  const clipped = score.map((x) => Math.min(1, Math.max(0, x)));
  const y = build({
    generator: 'flip',
    seed: 4,
    p: { generator: 'sum', seed: 3, n: 20_000, k: 3, loc: 0.5, scale: 0.25 },
  });
  const truth = y.map(Number);

  it.each([
    ['roc_auc', 3],
    ['average_precision', 3],
    ['log_loss', 9],
    ['brier', 9],
    ['accuracy', 12],
    ['f1', 12],
    ['precision', 12],
    ['recall', 12],
    ['balanced_accuracy', 12],
  ])('give %s of the rows', (name, digits) => {
    const counter = new ScoreCounter();
    for (const [i, p] of clipped.entries()) counter.add(truth[i] ?? 0, p);
    const want = metricOf(name).compute({ truth, prediction: clipped });
    expect(performanceMetric(name, counter.snapshot())).toBeCloseTo(want ?? Number.NaN, digits);
  });

  it.each(['mae', 'mse', 'rmse', 'mape', 'r2'])('give %s of the rows', (name) => {
    const counter = new ErrorCounter();
    const values = clipped.map((p) => 3 + 10 * p);
    for (const [i, value] of values.entries()) counter.add(value, score[i] ?? 0);
    const want = metricOf(name).compute({ truth: values, prediction: score });
    expect(performanceMetric(name, counter.snapshot())).toBeCloseTo(want ?? Number.NaN, 9);
  });

  it.each(['log_loss', 'accuracy', 'balanced_accuracy', 'f1', 'precision', 'recall'])(
    'give %s of three classes',
    (name) => {
      const prediction = clipped.flatMap((p) => [p * 0.7, (1 - p) * 0.7, 0.3]);
      const classes = truth.map((t, i) => (i % 5 === 0 ? 2 : 1 - t));
      const counter = new ClassCounter(emptyClasses(3));
      for (const [i, truth] of classes.entries()) counter.add(truth, prediction.slice(3 * i, 3 * i + 3));
      const want = metricOf(name).compute({ truth: classes, prediction, classes: 3 });
      expect(performanceMetric(name, counter.snapshot())).toBeCloseTo(want ?? Number.NaN, 9);
    },
  );

  it('are null where nothing can be computed', () => {
    for (const name of ['roc_auc', 'log_loss', 'accuracy']) {
      expect(performanceMetric(name, emptyPerformance('binary'))).toBeNull();
    }
    expect(performanceMetric('roc_auc', count(emptyPerformance('binary'), [[1, 0.4]]))).toBeNull();
    expect(performanceMetric('rmse', emptyPerformance('regression'))).toBeNull();
    expect(performanceMetric('accuracy', emptyClasses(3))).toBeNull();
  });

  it('of different tasks do not merge', () => {
    expect(() => mergePerformance(emptyPerformance('binary'), emptyPerformance('regression'))).toThrow(/meets/);
    expect(() => mergePerformance(emptyClasses(2), emptyClasses(3))).toThrow(/meet/);
  });
});
