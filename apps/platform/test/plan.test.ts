import { systemKernel } from '@relearn/kernel';
import type { PredictionRecord } from '@relearn/serving';
import { expect, it } from 'vitest';
import { flightModel } from '../../../services/serving/test/models.js';
import { measureServing } from '../src/plan/measure-serving.js';

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
