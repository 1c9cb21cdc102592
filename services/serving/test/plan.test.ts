import { systemKernel } from '@relearn/kernel';
import { expect, it } from 'vitest';
import type { PredictionRecord } from '../src/inference/prediction-record.js';
import { measureRuns, measureServing } from '../src/plan/index.js';
import { flightModel, totalModel } from './models.js';

const { clock } = systemKernel;

it('a model is served and asked at each level; every answer is logged', async () => {
  const { onnx, digest } = flightModel();
  const records: PredictionRecord[] = [];
  const levels: number[] = [];
  const figures = await measureServing({
    kernel: systemKernel,
    onnx,
    digest,
    log: (some) => void records.push(...some),
    levelMs: 100,
    onLevel: (level) => void levels.push(level),
  });
  expect(levels).toEqual([1, 8, 64]);
  expect(figures.levels.map(({ inFlight }) => inFlight)).toEqual(levels);
  expect(records.every(({ rows }) => rows === 1)).toBe(true);
  const measured = figures.levels.reduce((sum, { requestsPerSecond }) => sum + requestsPerSecond, 0);
  expect(measured).toBeGreaterThan(0);
  for (const { p50Ms, p99Ms, cpuUs } of figures.levels) {
    expect(p99Ms).toBeGreaterThanOrEqual(p50Ms);
    expect(cpuUs).toBeGreaterThan(0);
  }
}, 60_000);

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
