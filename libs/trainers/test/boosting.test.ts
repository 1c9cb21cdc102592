import { describe, expect, test } from 'vitest';
import { type Task, trainers } from '../src/index.js';
import { greatestDifference, runOnnx } from './run-onnx.js';
import { inputOf, slice, strange, synthetic } from './tables.js';

const boosting = trainers['boosting']!;
const scoresOf: Record<Task, string> = { binary: 'probability', multiclass: 'probabilities', regression: 'prediction' };
const tasks = ['binary', 'multiclass', 'regression'] as const;

describe('boosting in ONNX Runtime', () => {
  test.each(tasks)('the graph of a %s model gives what predict gives, on any rows', async (task) => {
    const data = synthetic(3000, 1);
    const model = boosting.train(inputOf(data, task, { iterations: 40 }));
    for (const table of [data.table, strange(data.table), slice(data.table, 5, 6), slice(data.table, 0, 0)]) {
      const outputs = await runOnnx(model.onnx, table);
      expect(greatestDifference(model.predict(table), outputs[scoresOf[task]]!.data)).toBeLessThan(1e-5);
    }
  });
});
