// A pipeline's backtest, each run in a process of its own: wall time with and without that of jobs, processor time,
// memory and event-loop delay. `npm run build` first; node bench/backtest/run.mjs [runs] [pipeline.yaml]
import { fork } from 'node:child_process';
import { availableParallelism, loadavg } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { systemKernel } from '@relearn/kernel';
import { runBacktest } from '@relearn/platform';
import { silentTelemetry } from '@relearn/telemetry';
import '../no-reports.mjs';

const flights = fileURLToPath(new URL('../../examples/flights/pipeline.yaml', import.meta.url));

async function once(file) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const began = performance.now();
  let jobMs = 0;
  let replayMs = 0;
  const onProgress = (progress) => {
    jobMs = progress.jobMs;
    replayMs = performance.now() - began;
    // The report reads the whole log at once, with nobody to serve: its delay is not the replay's.
    if (progress.records === progress.total) delay.disable();
  };
  const options = { file, data: [], window: '1mo', kernel: systemKernel, telemetry: silentTelemetry(), onProgress };
  const { totals, audit } = await runBacktest(options);
  const seconds = (ms) => Number((ms / 1000).toFixed(1));
  const wall = performance.now() - began;
  const { user, system } = process.cpuUsage();
  return {
    wallSeconds: seconds(wall),
    wallSecondsWithoutJobs: seconds(wall - jobMs),
    reportSeconds: seconds(wall - replayMs),
    processorSeconds: seconds((user + system) / 1000),
    mostMemoryMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    loopDelayMs: { p50: ms(delay.percentile(50)), p99: ms(delay.percentile(99)), most: ms(delay.max) },
    rows: totals.rows,
    retrains: totals.retrains,
    metric: totals.metric,
    violations: audit.violations.length,
  };
}

function ms(nanoseconds) {
  return Number((nanoseconds / 1e6).toFixed(1));
}

function inProcessOfItsOwn(file) {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), ['--once', file]);
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`a run ended with ${code}`)));
  });
}

if (process.argv[2] === '--once') {
  const result = await once(process.argv[3]);
  process.send(result, () => process.exit(0));
} else {
  const runs = [];
  const file = process.argv[3] ?? flights;
  for (let run = 0; run < Number(process.argv[2] ?? 3); run++) {
    runs.push({ ...(await inProcessOfItsOwn(file)), load: Number(loadavg()[0].toFixed(1)) });
    console.error(JSON.stringify(runs.at(-1)));
  }
  const sorted = [...runs].sort((a, b) => a.wallSeconds - b.wallSeconds);
  const median = sorted[sorted.length >> 1];
  console.log(JSON.stringify({ file, cores: availableParallelism(), node: process.version, median, runs }, null, 1));
}
