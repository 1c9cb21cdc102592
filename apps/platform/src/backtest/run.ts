import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditLog } from '@relearn/audit';
import { openRecorded, publishClock, publishRecorded, type RecordedLog } from '@relearn/ingestion';
import { type Kernel, RelearnError, systemClock } from '@relearn/kernel';
import { type Ports, setBusinessNow } from '@relearn/runtime';
import type { Telemetry } from '@relearn/telemetry';
import { embeddedEngines } from '../config/engines.js';
import { openPorts } from '../open-ports.js';
import { argumentFiles, type LoadedPipeline, loadPipeline, namedFiles, openTables } from '../pipeline/parse.js';
import { type LoneServices, startServices } from '../services.js';
import { parseWindow } from './report-windows.js';
import { type BacktestReport, buildReport } from './report.js';

export interface BacktestOptions {
  readonly file: string;
  /** `[STREAM=]PATH` arguments; empty: the files that the pipeline file names. */
  readonly data: readonly string[];
  /** Groups the report: `1mo`, `1w`, `1d`, `5000rows`. */
  readonly window: string;
  readonly kernel: Kernel;
  readonly telemetry: Telemetry;
  readonly onProgress: (progress: BacktestProgress) => void;
}

export interface BacktestProgress {
  /** Business time reached, ms. */
  readonly now: number;
  readonly records: number;
  readonly total: number;
  readonly jobs: number;
  /** Machine time that went by while the replay waited for training and evaluation, ms so far. */
  readonly jobMs: number;
}

const day = 86_400_000;
const batchRecords = 1000;

/**
 * What would this pipeline have done on this history? Runs the real services in a temporary folder, business time
 * advancing in slices; two runs on the same input give the same report but for its wall time.
 */
export async function runBacktest(options: BacktestOptions): Promise<BacktestReport> {
  const started = options.kernel.clock.now();
  const window = parseWindow(options.window);
  const pipeline = await loadPipeline(options.file);
  const files = options.data.length > 0 ? argumentFiles(pipeline.spec, options.data) : namedFiles(pipeline);
  const log = await openRecorded(pipeline.spec, await openTables(files), { breathe: systemClock.breathe });
  if (log.rejected.count > 0) {
    const { file, column } = log.rejected.first[0] ?? {};
    options.telemetry.log.warn(
      { file, column },
      `${log.rejected.count} rows without a readable event time are left out`,
    );
  }
  const folder = await mkdtemp(join(tmpdir(), 'relearn-backtest-'));
  const failed: RelearnError[] = [];
  const { kernel, telemetry } = options;
  const onFailure = (error: RelearnError) => failed.push(error);
  const opened = await openPorts({
    engines: embeddedEngines(folder),
    kernel,
    telemetry,
    partitions: 8,
    durable: false,
    holdResults: true,
    onFailure,
  });
  try {
    const { ports } = opened;
    const services = await startServices(ports);
    const trainingMs = await replayAll(ports, services.registry, pipeline, log, options);
    if (failed[0] !== undefined) throw failed[0];
    const report = await buildReport(ports, pipeline.spec, window);
    const audit = await auditLog({ ...ports, clock: kernel.clock, quiescent: true, folds: services.deciders });
    await services.stop();
    const wallSeconds = (kernel.clock.now() - started) / 1000;
    telemetry.log.info({ wallSeconds, jobSeconds: trainingMs / 1000, rejected: log.rejected.count }, 'backtest done');
    return { ...report, audit, totals: { ...report.totals, wall_seconds: Math.round(wallSeconds * 100) / 100 } };
  } finally {
    await opened.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Answers the machine time that went by while jobs ran. */
async function replayAll(
  ports: Ports,
  registry: LoneServices['registry'],
  { spec, text, file }: LoadedPipeline,
  log: RecordedLog,
  options: BacktestOptions,
): Promise<number> {
  const slice = Math.min(day, spec.monitor.window);
  const first = log.firstKnown;
  if (first === null) throw new RelearnError('INVALID_INPUT', 'the data files hold no row with an event time');
  let end = Math.floor(first / slice) * slice;
  await setBusinessNow(ports, spec.name, end);
  await registry.apply(text, file, 'backtest');
  let jobMs = 0;
  while (log.nextKnown !== null) {
    end = Math.max(end + slice, Math.floor(log.nextKnown / slice) * slice + slice);
    for (let batch = log.next(end, batchRecords); batch !== null; batch = log.next(end, batchRecords)) {
      await publishRecorded(ports, spec.name, batch);
    }
    await publishClock(ports, spec.name, end);
    await setBusinessNow(ports, spec.name, end);
    jobMs += await settle(ports);
    options.onProgress({ now: end, records: log.position, total: log.total, jobs: ports.activity.jobs(), jobMs });
  }
  return jobMs;
}

/** Consumers reach the end of every topic; then running jobs end and their results are taken, lowest id first. */
async function settle(ports: Ports): Promise<number> {
  const { clock } = ports.kernel;
  let jobMs = 0;
  await ports.activity.idle(ports.bus);
  while (ports.activity.jobs() > 0) {
    const start = clock.now();
    await ports.activity.releaseNext();
    jobMs += clock.now() - start;
    await ports.activity.idle(ports.bus);
  }
  return jobMs;
}
