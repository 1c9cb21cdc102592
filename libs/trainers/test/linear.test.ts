import { mulberry32 } from '@relearn/kernel';
import { describe, expect, test } from 'vitest';
import { type Table, type TrainingInput, trainers } from '../src/index.js';
import { categories, inputOf, numbers, slice, synthetic } from './tables.js';

const { logistic, linear, baseline } = trainers;

function inputFor(task: TrainingInput['task'], table: Table, labels: readonly number[], l2: number): TrainingInput {
  return {
    task,
    classes: { binary: ['no', 'yes'], multiclass: ['x', 'y', 'z'], regression: [] }[task],
    train: table,
    trainLabels: Float64Array.from(labels),
    valid: slice(table, 0, 0),
    validLabels: new Float64Array(0),
    parameters: { l2, tolerance: 1e-9, max_iterations: 1000 },
    seed: 1,
  };
}

describe('logistic regression', () => {
  test('without a penalty a category gets the share of its rows', () => {
    const texts = [...Array<string>(8).fill('a'), ...Array<string>(10).fill('b')];
    const labels = texts.map((text, i) => (text === 'a' ? (i < 2 ? 1 : 0) : i < 15 ? 1 : 0));
    const table = { rows: 18, columns: [categories('c', texts)] };
    const model = logistic!.train(inputFor('binary', table, labels, 0));
    const shares = model.predict({ rows: 2, columns: [categories('c', ['a', 'b'])] });
    expect(shares[0]).toBeCloseTo(2 / 8, 5);
    expect(shares[1]).toBeCloseTo(7 / 10, 5);
  });

  test('the softmax of three classes gives a category its shares, and missing values theirs', () => {
    const texts = Array.from({ length: 40 }, (_, i) => (i < 20 ? 'a' : null));
    const labels = texts.map((text, i) => (text === 'a' ? (i < 10 ? 0 : i < 15 ? 1 : 2) : i < 24 ? 0 : i < 32 ? 1 : 2));
    const table = { rows: 40, columns: [categories('c', texts)] };
    const model = logistic!.train(inputFor('multiclass', table, labels, 0));
    const shares = model.predict({ rows: 2, columns: [categories('c', ['a', null])] });
    [0.5, 0.25, 0.25, 0.2, 0.4, 0.4].forEach((share, i) => expect(shares[i]).toBeCloseTo(share, 5));
  });

  test('it beats the baseline on its own ground', () => {
    const input = inputOf(synthetic(4000, 31), 'multiclass');
    const losses = [logistic!, baseline!].map((trainer) => trainer.train(input).metrics['validation_loss']!);
    expect(losses[0]).toBeLessThan(losses[1]! * 0.9);
  });
});

describe('linear regression', () => {
  test('it finds the plane that the labels lie on, with numbers of unlike scales', () => {
    const next = mulberry32(5);
    const a = Array.from({ length: 200 }, () => next() * 1e-3);
    const b = Array.from({ length: 200 }, () => 5e4 + next() * 1e3);
    const labels = a.map((value, i) => 3 + 2000 * value - 0.01 * b[i]!);
    const model = linear!.train(
      inputFor('regression', { rows: 200, columns: [numbers('a', a), numbers('b', b)] }, labels, 0),
    );
    const predictions = model.predict({ rows: 2, columns: [numbers('a', [0, 1e-3]), numbers('b', [5e4, 5.1e4])] });
    expect(predictions[0]).toBeCloseTo(-497, 2);
    expect(predictions[1]).toBeCloseTo(-505, 2);
  });

  test('the penalty shrinks the slope of one standardised number by n / (n + l2)', () => {
    const values = Array.from({ length: 100 }, (_, i) => i);
    const table = { rows: 100, columns: [numbers('x', values)] };
    const ends = { rows: 2, columns: [numbers('x', [0, 99])] };
    const [low, high] = linear!.train(inputFor('regression', table, values, 300)).predict(ends);
    expect(high! - low!).toBeCloseTo(99 * (100 / 400), 4);
  });
});
