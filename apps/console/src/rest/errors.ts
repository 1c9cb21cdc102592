import { InvalidPipelineError } from '@relearn/contracts';
import { type ErrorPlace, RelearnError } from '@relearn/kernel';

export interface ErrorAnswer {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly remedy: string;
    readonly place: ErrorPlace | null;
    /** All errors of a pipeline file, each with its line and column. */
    readonly errors?: InvalidPipelineError['errors'];
  };
}

/** The HTTP status and body of whatever was thrown; `retryAfter` in seconds, where waiting helps. */
export function answerOf(thrown: unknown): { status: number; body: ErrorAnswer; retryAfter: number | null } {
  const error = refusedByFastify(thrown) ?? RelearnError.from(thrown);
  const { code, message, remedy, place = null, retryAfterMs } = error;
  const errors = error instanceof InvalidPipelineError ? { errors: error.errors } : {};
  const wait = retryAfterMs ?? (error.http === 429 || error.http === 503 ? 1_000 : null);
  return {
    status: error.http,
    body: { error: { code, message, remedy, place, ...errors } },
    retryAfter: wait === null ? null : Math.ceil(wait / 1_000),
  };
}

/** What fastify refuses before a handler sees it: a body that is no JSON, too large or not of the schema. */
function refusedByFastify(thrown: unknown): RelearnError | null {
  if (!(thrown instanceof Error) || thrown instanceof RelearnError || !('statusCode' in thrown)) return null;
  const { statusCode } = thrown;
  if (typeof statusCode !== 'number' || statusCode < 400 || statusCode >= 500) return null;
  return new RelearnError(statusCode === 413 ? 'TOO_LARGE' : 'INVALID_INPUT', thrown.message, { cause: thrown });
}
