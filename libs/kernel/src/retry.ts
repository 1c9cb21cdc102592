import type { Chance } from './chance.js';
import type { Clock } from './clock.js';
import { RelearnError } from './errors.js';

export interface RetryOptions {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly firstDelayMs?: number;
  readonly longestDelayMs?: number;
  readonly attempts?: number;
  readonly signal?: AbortSignal;
  readonly onRetry?: (error: RelearnError, attempt: number) => void;
}

/** Runs the work again while its error is retryable: exponential back-off with full jitter. The last error is thrown. */
export async function retry<T>(options: RetryOptions, work: () => Promise<T>): Promise<T> {
  const {
    clock,
    chance,
    firstDelayMs = 20,
    longestDelayMs = 5_000,
    attempts = Number.POSITIVE_INFINITY,
    signal,
  } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (thrown) {
      const error = RelearnError.from(thrown);
      if (!error.retryable || attempt >= attempts || signal?.aborted) throw error;
      options.onRetry?.(error, attempt);
      await clock.sleep(chance.next() * Math.min(longestDelayMs, firstDelayMs * 2 ** attempt), signal);
    }
  }
}
