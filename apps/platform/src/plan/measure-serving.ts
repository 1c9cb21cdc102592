import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Kernel, RelearnError } from '@relearn/kernel';
import { grpcServer } from '@relearn/rpc/grpc';
import { addInferenceService, DataPlane, ModelHost, type ModelSignature, type PredictionLog } from '@relearn/serving';
import { type LevelFigures, trialOf } from '@relearn/serving/plan';
import type { ClientFigures, ClientOrder, PlannedRequest } from './client.js';

/** Compiled JavaScript only, whoever started us. */
const client = fileURLToPath(new URL('./client.js', import.meta.url.replace(/\/src(?=\/plan\/[^/]*$)/, '/dist')));

const levels = [1, 8, 64] as const;
const model = 'planned';

export interface MeasureServingOptions {
  readonly kernel: Kernel;
  readonly onnx: Uint8Array;
  readonly digest: string;
  /** Takes the records of answers, as a serving process's spool does. */
  readonly log: PredictionLog;
  /** Of one level, ms. */
  readonly levelMs: number;
  readonly onLevel: (inFlight: number) => void;
}

export interface ServingFigures {
  readonly signature: ModelSignature;
  readonly loadMs: number;
  readonly levels: readonly LevelFigures[];
}

/**
 * Serves the model over gRPC as a serving process does and asks it from another process, with requests of one row.
 * Throws INVALID_INPUT for what cannot be served or asked with zeros.
 */
export async function measureServing(options: MeasureServingOptions): Promise<ServingFigures> {
  const { kernel, onnx, digest, log } = options;
  const host = new ModelHost({ kernel, log });
  const server = grpcServer({ address: '127.0.0.1:0', clock: kernel.clock, drainMs: 2_000 });
  try {
    await host.start();
    const began = kernel.clock.now();
    const signature = await host.load(model, 1, onnx, null, { digest });
    const loadMs = kernel.clock.now() - began;
    host.setDefault(model, 1);
    addInferenceService(server, new DataPlane(host, kernel, 'plan'));
    await server.start();
    const request = requestOf(signature);
    const figures: LevelFigures[] = [];
    for (const inFlight of levels) {
      options.onLevel(inFlight);
      // The first round warms up code and batches.
      for (const ms of [options.levelMs / 2, options.levelMs]) {
        const order = { address: `127.0.0.1:${server.port}`, request, inFlight, ms };
        const level = await askFrom(order);
        if (ms === options.levelMs) figures.push(level);
      }
    }
    return { signature, loadMs, levels: figures };
  } finally {
    await server.stop();
    await host.stop();
  }
}

function requestOf(signature: ModelSignature): PlannedRequest {
  const tensors = trialOf(signature, 1);
  return {
    modelName: model,
    inputs: signature.inputs.map(({ name, datatype }, index) => ({
      name,
      datatype,
      shape: tensors[index]?.shape ?? [],
    })),
    raw: tensors.map(({ bytes }) => Buffer.from(bytes).toString('base64')),
  };
}

async function askFrom(order: ClientOrder): Promise<LevelFigures> {
  const child = fork(client, { execArgv: [] });
  const exited = once(child, 'exit');
  const before = process.cpuUsage();
  child.send(order);
  const told: ClientFigures | undefined = await Promise.race([
    once(child, 'message').then(([figures]) => figures as ClientFigures),
    exited.then(() => undefined),
  ]);
  const { user, system } = process.cpuUsage(before);
  await exited;
  if (told === undefined) throw new RelearnError('INTERNAL', 'the client of the measurement died');
  if (told.failure !== undefined) throw new RelearnError('INVALID_INPUT', `a request failed: ${told.failure}`);
  const { answered, seconds, p50Ms, p99Ms } = told;
  return {
    inFlight: order.inFlight,
    requestsPerSecond: answered / seconds,
    p50Ms,
    p99Ms,
    cpuUs: (user + system) / Math.max(1, answered),
  };
}
