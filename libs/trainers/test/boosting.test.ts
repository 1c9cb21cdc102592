import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Task, trainers, validationLoss } from '../src/index.js';
import { categories, inputOf, numbers, slice, synthetic } from './tables.js';

const boosting = trainers['boosting']!;
const baseline = trainers['baseline']!;
const tasks: Task[] = ['binary', 'multiclass', 'regression'];

describe('boosting learns', () => {
  test.each(tasks)('%s: what is not linear, from categories and missing values too', (task) => {
    const input = inputOf(synthetic(6000, 11), task, { iterations: 150 });
    const fitted = boosting.train(input).metrics['validation_loss']!;
    const prior = baseline.train({ ...input, parameters: {} }).metrics['validation_loss']!;
    // The noise of the synthetic score alone costs a regression 10 * sqrt(1 / 12) = 2.9 of about 20.
    expect(fitted).toBeLessThan(prior * 0.35);
  });

  test('the metrics are the losses of predict', () => {
    const input = inputOf(synthetic(1500, 12), 'binary', {
      iterations: 60,
      early_stopping_rounds: 5,
      learning_rate: 0.3,
    });
    const model = boosting.train(input);
    const loss = (table: typeof input.train, labels: Float64Array) =>
      validationLoss('binary', model.predict(table), labels);
    expect(model.metrics['validation_loss']).toBeCloseTo(loss(input.valid, input.validLabels), 10);
    expect(model.metrics['train_loss']).toBeCloseTo(loss(input.train, input.trainLabels), 10);
  });

  test('rows and columns may be sampled', () => {
    const input = inputOf(synthetic(3000, 13), 'binary', { row_fraction: 0.5, feature_fraction: 0.6 });
    const model = boosting.train(input);
    expect(model.metrics['validation_loss']).toBeLessThan(
      baseline.train({ ...input, parameters: {} }).metrics['validation_loss']! * 0.6,
    );
    const loss = validationLoss('binary', model.predict(input.train), input.trainLabels);
    expect(model.metrics['train_loss']).toBeCloseTo(loss, 10);
  });

  test('the columns without signal get no importance', () => {
    const model = boosting.train(inputOf(synthetic(4000, 14), 'regression', { iterations: 50 }));
    const importance = model.info['importance'] as Record<string, number>;
    expect(importance['constant']! + importance['empty']! + importance['none']!).toBe(0);
    expect(importance['a']! + importance['b']!).toBeGreaterThan(0.3);
    expect(Object.values(importance).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
  });
});

describe('early stopping', () => {
  test('given noise to learn by heart, when the validation loss rises, then the best round is kept', () => {
    const data = synthetic(600, 21);
    const labels = data.binary.map((label, i) => (i % 3 === 0 ? 1 - label : label));
    const input = inputOf({ ...data, binary: labels }, 'binary', {
      iterations: 500,
      learning_rate: 0.3,
      early_stopping_rounds: 10,
      min_rows: 2,
    });
    const { metrics, info } = boosting.train(input);
    const losses = info['validation_losses'] as number[];
    const best = losses.indexOf(Math.min(...losses));
    expect(info['iterations_run']).toBe(best + 10);
    expect(metrics['iterations']).toBe(best);
    expect(metrics['validation_loss']).toBe(losses[best]);
  });

  test('given 0 rounds of patience, then every round is run and kept', () => {
    const input = inputOf(synthetic(300, 22), 'binary', { iterations: 80, learning_rate: 1, early_stopping_rounds: 0 });
    const { metrics, info } = boosting.train(input);
    expect([info['iterations_run'], metrics['iterations']]).toEqual([80, 80]);
  });
});

describe('what is promised of a tree', () => {
  test('no leaf has fewer rows than min_rows', () => {
    const parameters = { iterations: 1, max_leaves: 64, category_smoothing: 0, min_hessian: 0 };
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 60 }), fc.integer({ min: 1, max: 1000 }), (minRows, seed) => {
        const input = inputOf(synthetic(500, seed, 20), 'binary', { ...parameters, min_rows: minRows });
        input.valid = slice(input.valid, 0, 0);
        input.validLabels = new Float64Array(0);
        const counts = new Map<number, number>();
        for (const value of boosting.train(input).predict(input.train)) counts.set(value, (counts.get(value) ?? 0) + 1);
        expect(Math.min(...counts.values())).toBeGreaterThanOrEqual(minRows);
      }),
      { numRuns: 30, seed: 1 },
    );
  });

  test('a single split of a regression gives the means of its two sides', () => {
    const values = [1, 2, 3, 10, 11, 12];
    const labels = Float64Array.of(5, 6, 7, 20, 21, 22);
    const table = { rows: 6, columns: [numbers('x', values)] };
    const none = { rows: 0, columns: [numbers('x', [])] };
    const model = boosting.train({
      task: 'regression',
      classes: [],
      train: table,
      trainLabels: labels,
      valid: none,
      validLabels: new Float64Array(0),
      parameters: { iterations: 1, learning_rate: 1, max_leaves: 2, min_rows: 1 },
      seed: 1,
    });
    const asked = { rows: 4, columns: [numbers('x', [-100, 6.4, 6.6, 100])] };
    [6, 6, 21, 21].forEach((mean, i) => expect(model.predict(asked)[i]).toBeCloseTo(mean, 5));
  });

  test('a category split names the categories that belong together, whatever their order in the dictionary', () => {
    const texts = Array.from({ length: 600 }, (_, i) => `c${(i * 7) % 20}`);
    const labels = Float64Array.from(texts, (text) => (Number(text.slice(1)) % 2 === 0 ? 10 : -10));
    const train = (order: string[]) => {
      const column = categories('c', texts);
      const codes = Int32Array.from(texts, (text) => order.indexOf(text));
      const table = { rows: 600, columns: [{ ...column, dictionary: order, codes }] };
      return boosting.train({
        task: 'regression',
        classes: [],
        train: table,
        trainLabels: labels,
        valid: slice(table, 0, 0),
        validLabels: new Float64Array(0),
        parameters: { iterations: 1, learning_rate: 1, max_leaves: 2 },
        seed: 1,
      });
    };
    const order = [...new Set(texts)];
    const model = train(order);
    expect(model.onnx).toEqual(train(order.toReversed()).onnx);
    const asked = { rows: 3, columns: [categories('c', ['c4', 'c5', 'c18'])] };
    [10, -10, 10].forEach((mean, i) => expect(model.predict(asked)[i]).toBeCloseTo(mean, 5));
  });

  test('missing values go to the side that lowers the loss', () => {
    const values = Array.from({ length: 300 }, (_, i) => (i % 3 === 0 ? Number.NaN : i % 3 === 1 ? i : -i));
    const labels = Float64Array.from(values, (value) => (value < 0 ? 0 : 8));
    const table = { rows: 300, columns: [numbers('x', values)] };
    const model = boosting.train({
      task: 'regression',
      classes: [],
      train: table,
      trainLabels: labels,
      valid: slice(table, 0, 0),
      validLabels: new Float64Array(0),
      parameters: { iterations: 1, learning_rate: 1, max_leaves: 2 },
      seed: 1,
    });
    const asked = { rows: 3, columns: [numbers('x', [Number.NaN, -50, 50])] };
    [8, 0, 8].forEach((mean, i) => expect(model.predict(asked)[i]).toBeCloseTo(mean, 5));
  });
});
