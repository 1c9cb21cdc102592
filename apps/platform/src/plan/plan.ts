import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { systemKernel, unreadable } from '@relearn/kernel';
import type { LevelFigures, RunFigures, Sizing, Target } from '@relearn/serving/plan';
import { silentTelemetry } from '@relearn/telemetry';

export interface PlanOptions {
  /** An ONNX file. */
  readonly file: string;
  /** Without it nothing is said of instances. */
  readonly target: Target | null;
  /** Milliseconds of one measurement. */
  readonly levelMs: number;
  readonly onStep: (step: string) => void;
}

export interface Plan {
  readonly machine: { readonly cores: number; readonly processor: string; readonly memoryMiB: number };
  readonly model: { readonly bytes: number; readonly digest: string; readonly loadMs: number };
  /** Of the process that served it, with its client's requests on their way. */
  readonly residentMiB: number;
  readonly runs: readonly RunFigures[];
  readonly levels: readonly LevelFigures[];
  readonly sizing: Sizing | null;
}

const MiB = 1 << 20;

/**
 * Measures a model on this machine: runs by rows and threads, then served over gRPC with its prediction log in a folder of its
 * own, asked by a process beside it. Throws NOT_FOUND for the file, INVALID_INPUT for what cannot be served.
 */
export async function planModel({ file, target, levelMs, onStep }: PlanOptions): Promise<Plan> {
  const [{ PredictionSpool }, { measureRuns, sizingOf }, { measureServing }] = await Promise.all([
    import('@relearn/serving'),
    import('@relearn/serving/plan'),
    import('./measure-serving.js'),
  ]);
  const onnx = await read(file);
  const digest = createHash('sha256').update(onnx).digest('hex');
  const cores = availableParallelism();
  const folder = await mkdtemp(join(tmpdir(), 'relearn-plan-'));
  const base = { kernel: systemKernel, telemetry: silentTelemetry() };
  const spool = new PredictionSpool(base, { folder, whenFull: 'drop-and-count' });
  try {
    await spool.start();
    const onLevel = (inFlight: number) => onStep(`serving, ${inFlight} in flight`);
    const { levels, loadMs } = await measureServing({ ...base, onnx, digest, log: spool.log, levelMs, onLevel });
    const residentMiB = process.memoryUsage.rss() / MiB;
    onStep('runs by rows and threads');
    const runs = await measureRuns(systemKernel.clock, onnx, cores > 1 ? [1, cores] : [1]);
    return {
      machine: { cores, processor: cpus()[0]?.model ?? '', memoryMiB: Math.round(totalmem() / MiB) },
      model: { bytes: onnx.byteLength, digest, loadMs },
      residentMiB,
      runs,
      levels,
      sizing: target === null ? null : sizingOf(levels, target),
    };
  } finally {
    await spool.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function read(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (thrown) {
    throw unreadable(file, thrown);
  }
}
