import fc from 'fast-check';
import { systemClock } from '@relearn/kernel';
import { expect, test } from 'vitest';
import { SteadyWall } from '../src/domain/steady-wall.js';
import { hour, start } from './harness.js';

/** Seconds pass as they are told to; `step` sets the wall clock forward or back. */
function machine() {
  let [elapsed, stepped] = [0, 0];
  const clock = { ...systemClock, now: () => elapsed, wall: () => start + elapsed + stepped };
  const wall = new SteadyWall(clock);
  const step = (ms: number) => void (stepped += ms);
  /** How far its time is from the true one then, ms. */
  const after = (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      elapsed += 1_000;
      wall.now();
    }
    return wall.now() - start - elapsed;
  };
  after(1);
  return { step, after };
}

test('a step that is set right within a minute is never told', () => {
  fc.assert(
    fc.property(fc.integer({ min: -5 * hour, max: 5 * hour }), fc.integer({ min: 1, max: 59 }), (ms, seconds) => {
      const { step, after } = machine();
      step(ms);
      const meanwhile = after(seconds);
      step(-ms);
      // What is within the slew of a clock is followed.
      expect(Math.abs(meanwhile)).toBeLessThanOrEqual(2_000);
      expect(after(1)).toBe(0);
    }),
  );
});

test('a step that stays is believed after a minute', () => {
  const { step, after } = machine();
  step(hour);
  expect(after(60)).toBe(0);
  expect(after(2)).toBe(hour);
  step(-hour);
  expect(after(62)).toBe(0);
});

test('a second step begins the minute anew', () => {
  const { step, after } = machine();
  step(hour);
  after(50);
  step(hour);
  expect(after(50)).toBe(0);
  expect(after(12)).toBe(2 * hour);
});

test('a clock that is slewed is followed', () => {
  const { step, after } = machine();
  for (let second = 0; second < 100; second++) {
    step(100);
    after(1);
  }
  expect(after(1)).toBe(10_000);
});
