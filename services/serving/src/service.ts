import { deciderPart, foldPart, type JobContext, type Ports, type RunningService } from '@relearn/runtime';
import type { Json } from '@relearn/store';
import { deployDecider } from './domain/deploy.js';
import { type FrontOptions, ServingFront } from './front.js';
import { followPromotions } from './handlers/follow-promotions.js';
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
    await front.follow(catalog, pipeline);
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
