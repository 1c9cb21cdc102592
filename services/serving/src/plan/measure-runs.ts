import type { Clock } from '@relearn/kernel';
import { mayBatch, trialOf } from '../inference/signature.js';
import type { ModelSignature } from '../inference/tensors.js';
import { OnnxSession } from '../inference/worker/onnx-session.js';
import { pack } from '../inference/worker/protocol.js';
import { quantile } from './sizing.js';

/** Runs of one size, without a server around them. */
export interface RunFigures {
  readonly threads: number;
  readonly rows: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly rowsPerSecond: number;
}

const sizes = [1, 8, 32, 128] as const;
const fewest = 20;
const mostRuns = 2_000;
const sizeMs = 300;

/** Runs the model in this thread, by rows and by threads of the runtime, with zeros and empty strings. */
export async function measureRuns(clock: Clock, onnx: Uint8Array, threads: readonly number[]): Promise<RunFigures[]> {
  const figures: RunFigures[] = [];
  for (const count of threads) {
    const session = await OnnxSession.open(onnx, count);
    for (const rows of mayBatch(session.signature) ? sizes : [1]) {
      figures.push({ threads: count, rows, ...(await measure(clock, session, rows)) });
    }
    await session.release();
  }
  return figures;
}

async function measure(clock: Clock, session: OnnxSession, rows: number) {
  const { signature } = session;
  const times: number[] = [];
  const end = clock.now() + sizeMs;
  await session.run(inputsOf(signature, rows), allOutputs(signature));
  while (times.length < fewest || (clock.now() < end && times.length < mostRuns)) {
    const { computeMs } = await session.run(inputsOf(signature, rows), allOutputs(signature));
    times.push(computeMs);
  }
  const medianMs = quantile(times, 0.5);
  return { medianMs, p99Ms: quantile(times, 0.99), rowsPerSecond: (1000 * rows) / medianMs };
}

function inputsOf(signature: ModelSignature, rows: number) {
  return pack(trialOf(signature, rows).map(({ shape, bytes }) => ({ shape, pieces: [bytes] })));
}

function allOutputs({ outputs }: ModelSignature): number[] {
  return outputs.map((_spec, index) => index);
}
