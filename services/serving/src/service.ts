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
import { deciderPart, foldPart, type JobContext, type Ports, type RunningService } from '@relearn/runtime';
import type { Json } from '@relearn/store';
import { deployDecider } from './domain/deploy.js';
import { type FrontOptions, ServingFront } from './front.js';
import { rescoreStream } from './handlers/rescore-stream.js';
import { scoreStream } from './handlers/score-stream.js';
import type { ModelHost } from './inference/model-host.js';

export interface ServingOptions extends Pick<FrontOptions, 'log' | 'sessions'> {
  /** Answers requests already; without it one is made. */
  readonly front?: ServingFront;
}

/** Serving: promoted models loaded and tried; feature rows scored; requests answered by the Open Inference Protocol. */
export function createServing(ports: Ports, options: ServingOptions): RunningService & { readonly host: ModelHost } {
  const { front = new ServingFront(ports, options) } = options;
  const { host, pipelines } = front;
  front.connect(ports.blobs);
  const deploy = async (input: Json, { ports: { catalog } }: JobContext): Promise<Json> => {
    const { pipeline, partition, position } = input as { pipeline: string; partition: number; position: number };
    await catalog.reached(partition, position);
    await front.wanted(catalog, pipeline)?.ensure();
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
      front,
      followPromotions(ports, front),
      deciderPart(ports, decider),
      foldPart(ports, scoreStream(host, pipelines)),
    ],
    deciders: [decider],
    folds: [rescoreStream()],
    host,
  };
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
function followPromotions(ports: Ports, front: ServingFront): Part {
  const { clock } = ports.kernel;
  const stopping = new AbortController();
  const trying = new Map<string, Promise<void>>();
  let leave: () => void = () => undefined;

  /** False where it failed; without a model in force there is nothing to do. */
  const load = async (pipeline: string): Promise<boolean> => {
    const now = front.wanted(ports.catalog, pipeline);
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
    return front.wanted(ports.catalog, pipeline)?.state === now.state ? whole : await load(pipeline);
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
      await front.reconcile(ports.catalog);
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
