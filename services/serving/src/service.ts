import { modelPromoted, modelRolledBack } from '@relearn/contracts';
import { type Part, RelearnError } from '@relearn/kernel';
import { deciderPart, foldPart, type JobContext, type Ports, type RunningService } from '@relearn/runtime';
import type { Json } from '@relearn/store';
import { deployDecider } from './domain/deploy.js';
import { Deployments } from './handlers/deployments.js';
import { scoreStream } from './handlers/score-stream.js';
import { ModelHost } from './inference/model-host.js';
import type { PredictionLog } from './inference/prediction-record.js';

export interface ServingOptions {
  /** Takes the records of answered requests before the answers leave. */
  readonly log?: PredictionLog;
}

/** Serving: promoted models loaded and tried; feature rows scored; requests answered by the Open Inference Protocol. */
export function createServing(ports: Ports, options: ServingOptions): RunningService & { readonly host: ModelHost } {
  const onTrouble = (message: string) => ports.telemetry.log.error({ service: 'serving' }, message);
  const host = new ModelHost({ kernel: ports.kernel, onTrouble, ...options });
  const deployments = new Deployments(ports, host);
  const deploy = async (input: Json, { ports: { catalog } }: JobContext): Promise<Json> => {
    const { pipeline, partition, position } = input as { pipeline: string; partition: number; position: number };
    await catalog.reached(partition, position);
    const move = catalog.inForce(pipeline);
    if (move !== undefined) await deployments.ensure(pipeline, move);
    return null;
  };
  const decider = deployDecider({ run: deploy }, ports.instance);
  return {
    manifest: {
      name: 'serving',
      consumes: ['features', 'control'],
      produces: ['predictions', 'control'],
      collections: [],
    },
    parts: [
      host,
      followPromotions(ports, deployments),
      deciderPart(ports, decider),
      foldPart(ports, scoreStream(host, deployments)),
    ],
    deciders: [decider],
    host,
  };
}

/** Every instance loads what is in force, at its start and whenever the control log moves the alias. */
function followPromotions(ports: Ports, deployments: Deployments): Part {
  let leave: () => void = () => undefined;
  const load = async (pipeline: string) => {
    const move = ports.catalog.inForce(pipeline);
    if (move === undefined) return;
    try {
      await deployments.ensure(pipeline, move);
    } catch (thrown) {
      const error = RelearnError.from(thrown);
      ports.telemetry.log.error(
        { pipeline, code: error.code },
        `the model in force cannot be loaded: ${error.describe()}`,
      );
    }
  };
  return {
    name: 'model deployments',
    async start() {
      leave = ports.catalog.listen((event) => {
        if (modelPromoted.is(event) || modelRolledBack.is(event)) void load(event.pipeline);
      });
      await Promise.all(ports.catalog.names().map(load));
    },
    async stop() {
      leave();
    },
  };
}
