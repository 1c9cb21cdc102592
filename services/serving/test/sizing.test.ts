import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LevelFigures, quantile, sizingOf } from '../src/plan/sizing.js';

const level = (inFlight: number, requestsPerSecond: number, p99Ms: number): LevelFigures => ({
  inFlight,
  requestsPerSecond,
  p50Ms: p99Ms / 2,
  p99Ms,
  cpuUs: 100,
});
const measured = [level(1, 1000, 2), level(8, 4000, 6), level(64, 8000, 30)];

describe('how many instances', () => {
  it('rest on the level with the most requests that keeps the latency', () => {
    expect(sizingOf(measured, { rate: 10_000, p99Ms: 10 })).toEqual({
      instances: 4,
      perInstance: 2800,
      level: measured[1],
    });
    expect(sizingOf(measured, { rate: 10_000, p99Ms: 30 })).toMatchObject({ instances: 2, level: measured[2] });
  });

  it('are at least one', () => {
    expect(sizingOf(measured, { rate: 0.1, p99Ms: 100 }).instances).toBe(1);
  });

  it('are none where no level keeps the latency, and the quickest is told', () => {
    expect(sizingOf(measured, { rate: 1, p99Ms: 1 })).toEqual({ instances: null, perInstance: 0, level: measured[0] });
  });

  it('never fall as the rate grows or the latency shrinks', () => {
    const target = fc.record({
      rate: fc.double({ min: 1, max: 1e6, noNaN: true }),
      p99Ms: fc.integer({ min: 1, max: 50 }),
    });
    const needed = (rate: number, p99Ms: number) => sizingOf(measured, { rate, p99Ms }).instances ?? Infinity;
    fc.assert(
      fc.property(target, fc.double({ min: 1, max: 10, noNaN: true }), ({ rate, p99Ms }, more) => {
        expect(needed(rate * more, p99Ms)).toBeGreaterThanOrEqual(needed(rate, p99Ms));
        expect(needed(rate, p99Ms / more)).toBeGreaterThanOrEqual(needed(rate, p99Ms));
      }),
    );
  });
});

it('a quantile is a value that was measured', () => {
  expect(quantile([3, 1, 2], 0.5)).toBe(2);
  expect(quantile([3, 1, 2], 0.99)).toBe(3);
  expect(quantile([], 0.5)).toBeNaN();
});
