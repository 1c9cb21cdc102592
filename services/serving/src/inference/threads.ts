import { availableParallelism } from 'node:os';

/** The one place that says how many threads inference takes. */
export interface ThreadPlan {
  /** Runs at the same time. */
  readonly runs: number;
  /** Worker threads: one more than runs, so that loading a model never holds up a request. */
  readonly workers: number;
  /** Longest run, ms, that may be made where its request came in, when the way to a thread takes longer. 0: none is. */
  readonly inlineMs: number;
}

/** One core is left to the thread that owns the sockets. */
export function threadPlan(cores: number = availableParallelism()): ThreadPlan {
  const runs = Math.max(1, cores - 1);
  return { runs, workers: runs + 1, inlineMs: 1 };
}
