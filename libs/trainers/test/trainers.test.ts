import { describe, expect, test } from 'vitest';
import { signature, type TrainingInput, trainers } from '../src/index.js';
import { categories, inputOf, numbers, synthetic } from './tables.js';

const cases = Object.values(trainers).flatMap((trainer) => trainer.tasks.map((task) => ({ trainer, task })));
const boosting = trainers['boosting']!;

describe('the same input gives the same bytes', () => {
  test.each(cases)('$trainer.name, $task', ({ trainer, task }) => {
    const sampling = trainer.name === 'boosting' ? { iterations: 20, row_fraction: 0.7, feature_fraction: 0.7 } : {};
    const train = () => trainer.train(inputOf(synthetic(1500, 41), task, sampling));
    const [first, second] = [train(), train()];
    expect(first.onnx).toEqual(second.onnx);
    expect(first.metrics).toEqual(second.metrics);
    expect(first.info).toEqual(second.info);
  });

  test('another seed draws other rows', () => {
    const input = inputOf(synthetic(1500, 42), 'binary', { iterations: 5, row_fraction: 0.5 });
    expect(boosting.train(input).onnx).not.toEqual(boosting.train({ ...input, seed: 8 }).onnx);
  });
});

describe('a trainer refuses what it cannot learn from', () => {
  const input = inputOf(synthetic(50, 43), 'binary');
  const column = { rows: 40, columns: [numbers('x', Array<number>(39).fill(0))] };
  const refusals: [string, Partial<TrainingInput>, RegExp][] = [
    ['an unknown parameter', { parameters: { leaves: 3 } }, /parameter leaves: is not known/],
    [
      'a parameter of another type',
      { parameters: { max_leaves: '3' } },
      /parameter max_leaves: "3" is not of type integer/,
    ],
    ['a parameter out of range', { parameters: { learning_rate: 0 } }, /learning_rate: 0 is less than/],
    ['a broken number', { parameters: { max_leaves: 2.5 } }, /2.5 is not an integer/],
    ['a label that is no class', { trainLabels: new Float64Array(40).fill(2) }, /trainLabels: row 0 has the label 2/],
    ['labels for other rows', { trainLabels: new Float64Array(3) }, /3 labels for 40 rows/],
    ['three classes for two', { classes: ['a', 'b', 'c'] }, /binary cannot have the classes/],
    ['a class twice', { classes: ['a', 'a'] }, /binary cannot have the classes/],
    ['columns of unequal length', { train: column }, /column x has 39 values for 40 rows/],
    ['other columns to validate', { valid: { rows: 10, columns: [] } }, /valid: 0 columns where the model has 7/],
    [
      'no rows',
      { train: { rows: 0, columns: [] }, trainLabels: new Float64Array(0), valid: { rows: 0, columns: [] } },
      /./,
    ],
  ];
  test.each(refusals)('%s', (_, change, message) => {
    const error = { code: 'INVALID_INPUT', message: expect.stringMatching(message) };
    expect(() => boosting.train({ ...input, ...change })).toThrow(expect.objectContaining(error));
  });

  test('a column with the name of an output', () => {
    const table = { rows: 2, columns: [numbers('label', [1, 2])] };
    const labels = Float64Array.of(0, 1);
    const given = { ...input, train: table, trainLabels: labels, valid: table, validLabels: labels };
    expect(() => boosting.train(given)).toThrow(/column label has the name of a model output/);
  });

  test('another task', () => {
    expect(() => trainers['linear']!.train(input)).toThrow(/trainer linear does not do binary/);
  });

  test('and predict refuses another table', () => {
    const model = boosting.train(input);
    expect(() => model.predict({ rows: 1, columns: [numbers('x', [1])] })).toThrow(/1 columns where the model has 7/);
  });
});

describe('a trainer can be watched and stopped', () => {
  test.each(['boosting', 'logistic'])('%s', (name) => {
    const input = inputOf(synthetic(200, 44), 'binary');
    const seen: number[] = [];
    let stop = false;
    const watched = {
      ...input,
      onProgress: (done: number) => {
        seen.push(done);
        stop = done === 3;
      },
      cancelled: () => stop,
    };
    expect(() => trainers[name]!.train(watched)).toThrow(expect.objectContaining({ code: 'CANCELLED' }));
    expect(seen.slice(0, 3)).toEqual([1, 2, 3]);
    expect(seen.length).toBeLessThanOrEqual(4);
  });
});

test('a signature names raw columns and the outputs of the task', () => {
  const table = { rows: 1, columns: [numbers('x', [1]), categories('c', ['a'])] };
  const inputs = [
    { name: 'x', datatype: 'FP32', shape: [-1, 1] },
    { name: 'c', datatype: 'BYTES', shape: [-1, 1] },
  ];
  expect(signature(table, 'regression', [])).toEqual({
    inputs,
    outputs: [{ name: 'prediction', datatype: 'FP32', shape: [-1, 1] }],
  });
  expect(signature(table, 'binary', ['0', '1']).outputs).toEqual([
    { name: 'probability', datatype: 'FP32', shape: [-1, 1] },
    { name: 'label', datatype: 'INT64', shape: [-1, 1] },
  ]);
  expect(signature(table, 'multiclass', ['a', 'b', '01']).outputs).toEqual([
    { name: 'probabilities', datatype: 'FP32', shape: [-1, 3] },
    { name: 'label', datatype: 'BYTES', shape: [-1, 1] },
  ]);
});
