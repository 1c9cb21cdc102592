import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { signature, type Table, type Task, type Trainer, type TrainingInput, trainers } from '../src/index.js';
import { greatestDifference, runOnnx } from './run-onnx.js';
import { categories, inputOf, numbers, slice, strange, synthetic } from './tables.js';

const scoresOf: Record<Task, string> = { binary: 'probability', multiclass: 'probabilities', regression: 'prediction' };
const cases = Object.values(trainers).flatMap((trainer) => trainer.tasks.map((task) => ({ trainer, task })));
const quick: Record<string, TrainingInput['parameters']> = { boosting: { iterations: 30 } };

async function expectSame(trainer: Trainer, input: TrainingInput, tables: readonly Table[]): Promise<void> {
  const model = trainer.train(input);
  const { outputs } = signature(input.train, input.task, input.classes);
  for (const table of tables) {
    const given = await runOnnx(model.onnx, table);
    const predictions = model.predict(table);
    expect(Object.keys(given)).toEqual(outputs.map((output) => output.name));
    for (const { name, shape } of outputs) {
      expect(given[name]!.dims).toEqual(shape.map((size) => (size < 0 ? table.rows : size)));
    }
    expect(greatestDifference(predictions, given[scoresOf[input.task]]!.data)).toBeLessThan(1e-5);
    expectLabels(input, predictions, given['label']?.data);
  }
}

/** A label must be the class that the probabilities favour, unless they are too close to tell. */
function expectLabels(input: TrainingInput, predictions: Float64Array, labels: (number | string)[] | undefined): void {
  if (labels === undefined) return;
  const width = input.task === 'binary' ? 1 : input.classes.length;
  labels.forEach((label, row) => {
    const own = predictions.subarray(row * width, row * width + width);
    const shares = input.task === 'binary' ? [1 - own[0]!, own[0]!] : [...own];
    const chosen = shares[input.classes.indexOf(String(label))] ?? Number.NaN;
    expect(chosen).toBeGreaterThan(Math.max(...shares) - 1e-5);
  });
}

describe('graphs in ONNX Runtime give what predict gives', () => {
  test.each(cases)('$trainer.name, $task: known, strange, single and no rows', async ({ trainer, task }) => {
    const data = synthetic(3000, 1);
    const input = inputOf(data, task, quick[trainer.name] ?? {});
    await expectSame(trainer, input, [
      data.table,
      strange(data.table),
      slice(data.table, 5, 6),
      slice(data.table, 0, 0),
    ]);
  });

  test.each(cases)('$trainer.name, $task: a single training row', async ({ trainer, task }) => {
    const data = synthetic(100, 2);
    const input = { ...inputOf(data, task), train: slice(data.table, 0, 1) };
    input.trainLabels = input.trainLabels.slice(0, 1);
    await expectSame(trainer, input, [data.table]);
  });

  test.each(cases)('$trainer.name, $task: one class or value only', async ({ trainer, task }) => {
    const data = synthetic(300, 3);
    const input = inputOf(data, task, quick[trainer.name] ?? {});
    input.trainLabels.fill(1);
    await expectSame(trainer, input, [data.table]);
  });

  test.each(cases)('$trainer.name, $task: no validation rows', async ({ trainer, task }) => {
    const data = synthetic(300, 4);
    const input = inputOf(data, task, quick[trainer.name] ?? {});
    input.valid = slice(input.valid, 0, 0);
    input.validLabels = new Float64Array(0);
    await expectSame(trainer, input, [data.table]);
  });

  test('integer classes come back as integers', async () => {
    const data = synthetic(300, 5);
    const input = { ...inputOf(data, 'multiclass', { iterations: 5 }), classes: ['-1', '0', '30'] };
    const outputs = await runOnnx(trainers['boosting']!.train(input).onnx, data.table);
    expect(outputs['label']!.type).toBe('int64');
    expect(new Set(outputs['label']!.data)).toEqual(new Set([-1, 0, 30]));
  });

  test('columns may have the names that the graph gives its own values', async () => {
    const data = synthetic(300, 6);
    const names = ['Concat_0', 'constant_0', 'constant_1', 'Gather_2', 'Sigmoid_1', 'LabelEncoder_0', 'Squeeze_3'];
    const rename = (table: Table): Table => ({
      ...table,
      columns: table.columns.map((column, i) => ({ ...column, name: names[i]! })),
    });
    const input = inputOf(data, 'binary', { iterations: 5 });
    input.train = rename(input.train);
    input.valid = rename(input.valid);
    await expectSame(trainers['boosting']!, input, [rename(data.table)]);
  });
});

const smallTable = fc.integer({ min: 1, max: 40 }).chain((rows) => {
  const number = fc.oneof(
    fc.constant(Number.NaN),
    fc.integer({ min: -3, max: 3 }),
    fc.float({ noNaN: true }),
    fc.double(),
  );
  const text = fc.oneof(fc.constant(null), fc.constantFrom('', 'a', 'b', 'c', 'd', 'e'), fc.string({ maxLength: 3 }));
  const fill = { minLength: rows, maxLength: rows };
  return fc.record({
    table: fc
      .tuple(fc.array(number, fill), fc.array(number, fill), fc.array(text, fill), fc.array(text, fill))
      .map(([a, b, c, d]): Table => {
        return { rows, columns: [numbers('a', a), numbers('b', b), categories('c', c), categories('d', d)] };
      }),
    labels: fc.array(fc.integer({ min: 0, max: 2 }), fill),
    minRows: fc.integer({ min: 1, max: 5 }),
    smoothing: fc.constantFrom(0, 1, 10),
  });
});

describe('graphs of small random tables', () => {
  test.each(cases)('$trainer.name, $task', async ({ trainer, task }) => {
    const own = (minRows: number, smoothing: number): TrainingInput['parameters'] =>
      trainer.name === 'boosting' ? { iterations: 8, min_rows: minRows, category_smoothing: smoothing } : {};
    await fc.assert(
      fc.asyncProperty(smallTable, async ({ table, labels, minRows, smoothing }) => {
        const known = Float64Array.from(labels, (label) => (task === 'binary' ? Math.min(label, 1) : label));
        const input: TrainingInput = {
          task,
          classes: { binary: ['no', 'yes'], multiclass: ['x', 'y', 'z'], regression: [] }[task],
          train: table,
          trainLabels: known,
          valid: slice(table, 0, 0),
          validLabels: new Float64Array(0),
          parameters: own(minRows, smoothing),
          seed: 1,
        };
        await expectSame(trainer, input, [table, strange(table)]);
      }),
      { numRuns: 30, seed: 1 },
    );
  });
});
