import { expect, test } from 'vitest';
import { threadPlan } from '../src/inference/threads.js';

test.each([
  { cores: 8, processes: 1, runs: 7 },
  { cores: 8, processes: 2, runs: 3 },
  { cores: 8, processes: 4, runs: 1 },
  { cores: 8, processes: 16, runs: 1 },
  { cores: 1, processes: 1, runs: 1 },
])('$processes processes on $cores cores run $runs at a time each', ({ cores, processes, runs }) => {
  expect(threadPlan({ cores, processes })).toMatchObject({ runs, workers: runs + 1 });
});
