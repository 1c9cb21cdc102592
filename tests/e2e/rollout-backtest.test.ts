import { systemKernel } from '@relearn/kernel';
import { type BacktestReport, runBacktest } from '@relearn/platform';
import { silentTelemetry } from '@relearn/telemetry';
import { expect, test } from 'vitest';
import { cleanUpAfterEach } from './clean-up.js';
import { orders, ordersPipeline, writePipeline } from './tables.js';
import { temporaryFolder } from './world.js';

const cleanUp = cleanUpAfterEach();

const policies = `retrain: { performance: null, drift: null, schedule: { every: 3d }, cooldown: 1d, minimum_labels: 100 }
rollout: { strategy: canary, requests: 50, limit: 12h, judge: { min_agreement: 0.7 } }
`;

const untimed = (report: BacktestReport) => ({ ...report, totals: { ...report.totals, wall_seconds: 0 } });

test('a backtest tells what rollouts would have done: rows of the stream judge where nobody asks', async () => {
  const folder = await temporaryFolder();
  cleanUp.push(folder.remove);
  const table = orders({ rows: 2400, perDay: 150, turnsOnDay: 9 });
  const pipeline = ordersPipeline({ tolerance: 0.5, more: policies });
  const file = await writePipeline(folder.path, 'orders', table, pipeline);
  const options = { file, data: [], window: '1d', onProgress: () => undefined };
  const once = () => runBacktest({ ...options, kernel: systemKernel, telemetry: silentTelemetry() });
  const report = await once();
  expect(report.audit.violations).toEqual([]);
  const outcomes = report.retrains.map(({ reason, outcome }) => `${reason} ${outcome}`);
  // The first model has none beside it; then one that says the same takes over, and one that has learnt of the turn does not.
  expect(outcomes.slice(0, 2)).toEqual(['first promoted', 'schedule promoted']);
  expect(outcomes).toContain('schedule no-model');
  const [first, second] = report.promotions;
  expect(Date.parse(second?.time ?? '') - Date.parse(first?.time ?? '')).toBeGreaterThanOrEqual(12 * 3_600_000);
  expect(untimed(await once())).toEqual(untimed(report));
});
