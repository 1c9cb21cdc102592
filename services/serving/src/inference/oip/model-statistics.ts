import type { BatchFigures, ModelFigures, Sum } from '../figures.js';
import type { ServedModel } from '../catalogue.js';

/** `inference.ModelStatistics`: the fields of the .proto in lower camel case; durations in nanoseconds. */
export interface ModelStatistics {
  readonly name: string;
  readonly version: string;
  readonly lastInference: number;
  readonly inferenceCount: number;
  readonly executionCount: number;
  readonly inferenceStats: {
    readonly success: Duration;
    readonly fail: Duration;
    readonly queue: Duration;
    readonly computeInput: Duration;
    readonly computeInfer: Duration;
    readonly computeOutput: Duration;
    readonly cacheHit: Duration;
    readonly cacheMiss: Duration;
  };
  readonly batchStats: readonly {
    readonly batchSize: number;
    readonly computeInput: Duration;
    readonly computeInfer: Duration;
    readonly computeOutput: Duration;
  }[];
}

interface Duration {
  readonly count: number;
  readonly ns: number;
}

export function statisticsOf({ name, version, figures }: ServedModel): ModelStatistics {
  return {
    name,
    version,
    lastInference: figures.lastInference,
    inferenceCount: figures.rows,
    executionCount: figures.runs,
    inferenceStats: inferenceOf(figures),
    batchStats: figures.batches.map(batchOf),
  };
}

function inferenceOf({ success, fail, queue, input, infer, output }: ModelFigures) {
  const none = { count: 0, ns: 0 };
  return {
    success: durationOf(success),
    fail: durationOf(fail),
    queue: durationOf(queue),
    computeInput: durationOf(input),
    computeInfer: durationOf(infer),
    computeOutput: durationOf(output),
    cacheHit: none,
    cacheMiss: none,
  };
}

function batchOf({ rows, count, inputMs, inferMs, outputMs }: BatchFigures) {
  return {
    batchSize: rows,
    computeInput: durationOf({ count, ms: inputMs }),
    computeInfer: durationOf({ count, ms: inferMs }),
    computeOutput: durationOf({ count, ms: outputMs }),
  };
}

function durationOf({ count, ms }: Sum): Duration {
  return { count, ns: Math.round(ms * 1e6) };
}
