import { systemKernel } from '@relearn/kernel';
import { expect, it } from 'vitest';
import { measureRuns } from '../src/plan/index.js';
import { flightModel, totalModel } from './models.js';

const { clock } = systemKernel;

it('runs are measured by rows and threads; a model whose rows do not batch with one row', async () => {
  const batching = await measureRuns(clock, flightModel().onnx, [1, 2]);
  expect(batching.map(({ threads, rows }) => `${threads}x${rows}`)).toEqual([
    ...[1, 8, 32, 128].map((rows) => `1x${rows}`),
    ...[1, 8, 32, 128].map((rows) => `2x${rows}`),
  ]);
  for (const { rows, medianMs, rowsPerSecond } of batching)
    expect(rowsPerSecond).toBeCloseTo((1000 * rows) / medianMs, 3);
  expect((await measureRuns(clock, totalModel().onnx, [1])).length).toBeGreaterThan(0);
}, 60_000);
