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

export interface Sharing {
  readonly cores?: number;
  /** Serving processes that share the cores. */
  readonly processes?: number;
}

/** One core of a process's share is left to the thread that owns the sockets. */
export function threadPlan({ cores = availableParallelism(), processes = 1 }: Sharing = {}): ThreadPlan {
  const runs = Math.max(1, Math.floor(cores / processes) - 1);
  return { runs, workers: runs + 1, inlineMs: 1 };
}
