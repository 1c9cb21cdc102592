import {
  type EventType,
  modelPromoted,
  modelRegistered,
  modelRolledBack,
  rolloutAdvanced,
  rolloutEnded,
  rolloutStarted,
} from '@relearn/contracts';
import { type Part, RelearnError } from '@relearn/kernel';
import {
  type Catalog,
  deciderPart,
  foldPart,
  type JobContext,
  type Ports,
  type RunningService,
} from '@relearn/runtime';
import type { Json } from '@relearn/store';
import { deployDecider } from './domain/deploy.js';
import { Deployments } from './handlers/deployments.js';
import { PlainDeployments } from './handlers/plain-deployments.js';
import { rescoreStream } from './handlers/rescore-stream.js';
import { scoreStream } from './handlers/score-stream.js';
import { ModelHost } from './inference/model-host.js';
import type { PredictionLog } from './inference/prediction-record.js';
import type { OpenSessions } from './inference/sessions.js';

export interface ServingOptions {
  /** Takes the records of answered requests before the answers leave. */
  readonly log?: PredictionLog;
  /** Where models are loaded and run; worker threads by default. */
  readonly sessions?: OpenSessions;
}

/** Serving: promoted models loaded and tried; feature rows scored; requests answered by the Open Inference Protocol. */
export function createServing(ports: Ports, options: ServingOptions): RunningService & { readonly host: ModelHost } {
  const onTrouble = (message: string) => ports.telemetry.log.error({ service: 'serving' }, message);
  const onLeftOut = (what: string) => ports.telemetry.metrics.unlogged.add({ what });
  const host = new ModelHost({ kernel: ports.kernel, onTrouble, onLeftOut, ...options });
  const deployments = new Deployments(ports, host);
  const plain = new PlainDeployments(ports, host);
  const deploy = async (input: Json, { ports: { catalog } }: JobContext): Promise<Json> => {
    const { pipeline, partition, position } = input as { pipeline: string; partition: number; position: number };
    await catalog.reached(partition, position);
    await wanted(catalog, pipeline, { deployments, plain })?.ensure();
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
      followPromotions(ports, { deployments, plain }),
      deciderPart(ports, decider),
      foldPart(ports, scoreStream(host, deployments)),
    ],
    deciders: [decider],
    folds: [rescoreStream()],
    host,
  };
}

interface Deploying {
  readonly deployments: Deployments;
  readonly plain: PlainDeployments;
}

/** What is in force under a name, and how it becomes what is loaded; undefined: nothing is. */
function wanted(catalog: Catalog, name: string, { deployments, plain }: Deploying) {
  const models = catalog.plain(name);
  if (models !== undefined) return { state: models, ensure: () => plain.ensure(name, models) };
  const move = catalog.inForce(name);
  return move === undefined ? undefined : { state: move, ensure: () => deployments.ensure(name, move) };
}

/** Events after which other models may be in force. */
const changes: readonly EventType[] = [
  modelRegistered,
  modelPromoted,
  modelRolledBack,
  rolloutStarted,
  rolloutAdvanced,
  rolloutEnded,
];

/** Longest pause between two tries to load a model, ms. */
const longestPauseMs = 30_000;

/** Every instance loads what is in force, at its start and whenever the control log changes it, until it has it. */
function followPromotions(ports: Ports, deploying: Deploying): Part {
  const { clock } = ports.kernel;
  const stopping = new AbortController();
  const trying = new Map<string, Promise<void>>();
  let leave: () => void = () => undefined;

  /** False where it failed; without a model in force there is nothing to do. */
  const load = async (pipeline: string): Promise<boolean> => {
    const now = wanted(ports.catalog, pipeline, deploying);
    if (now === undefined) return true;
    let whole: boolean;
    try {
      whole = await now.ensure();
    } catch (thrown) {
      const error = RelearnError.from(thrown);
      ports.telemetry.log.error(
        { pipeline, code: error.code },
        `the model in force cannot be loaded: ${error.describe()}`,
      );
      return false;
    }
    // Others may be in force meanwhile.
    return wanted(ports.catalog, pipeline, deploying)?.state === now.state ? whole : await load(pipeline);
  };
  const loadUntilThere = async (pipeline: string) => {
    for (let attempt = 1; !stopping.signal.aborted && !(await load(pipeline)); attempt++) {
      await clock.sleep(Math.min(longestPauseMs, 100 * 2 ** attempt), stopping.signal);
    }
    trying.delete(pipeline);
  };
  const begin = (pipeline: string) => {
    if (!trying.has(pipeline)) trying.set(pipeline, loadUntilThere(pipeline));
  };
  return {
    name: 'model deployments',
    async start() {
      leave = ports.catalog.listen((event) => {
        if (changes.some((type) => type.is(event))) begin(event.pipeline);
      });
      // What cannot be loaded keeps nobody from starting.
      const names = [...ports.catalog.names(), ...ports.catalog.plainNames()];
      const loaded = await Promise.all(names.map(load));
      for (const [index, pipeline] of names.entries()) if (loaded[index] !== true) begin(pipeline);
    },
    async stop() {
      leave();
      stopping.abort();
      await Promise.all(trying.values());
    },
  };
}
