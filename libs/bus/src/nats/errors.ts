import { ErrorCode, NatsError } from 'nats';
import { type ErrorCode as Code, RelearnError } from '@relearn/kernel';

/** Error codes of JetStream's API that mean something of their own here; the server's list is `errors.json`. */
export const streamExists = 10_058;
export const wrongLastId = 10_070;
const apiCodes: Readonly<Record<number, Code>> = {
  10_002: 'RESOURCE_EXHAUSTED', // account limits
  10_023: 'RESOURCE_EXHAUSTED', // the server's memory or disk limit
  10_028: 'RESOURCE_EXHAUSTED',
  10_047: 'RESOURCE_EXHAUSTED',
  10_054: 'TOO_LARGE',
  10_059: 'NOT_FOUND',
  10_167: 'RESOURCE_EXHAUSTED', // too many messages wait for the stream
  10_176: 'UNAVAILABLE', // a part of a batch was lost, and so nothing of it is written
};
/** "store failed": what the text names. */
const storeFailed = 10_077;

export const rights = 'Give the account JetStream and the right to the prefix, $JS.API and its inboxes.';

export interface ApiFailure {
  readonly code: number;
  readonly err_code?: number;
  readonly description: string;
}

/** An error that JetStream answers, at what it was asked for. */
export function apiError(what: string, { code, err_code: detail = 0, description }: ApiFailure): RelearnError {
  const message = `${what}: ${description}`;
  if (detail === storeFailed) {
    return new RelearnError(/maximum|exceeded/.test(description) ? 'RESOURCE_EXHAUSTED' : 'STORAGE_FAILED', message, {
      remedy: 'The stream is full or its disk is: give it more room; nothing that was acknowledged is dropped.',
    });
  }
  const known = apiCodes[detail];
  if (known !== undefined) return new RelearnError(known, message);
  // Restarts, elections and missing peers are 503; whatever else is temporary is a 408 or 5xx too.
  if (code === 408 || code === 429 || code >= 500) return new RelearnError('UNAVAILABLE', message);
  return new RelearnError('REFUSED', message);
}

/** Whatever the client has thrown. */
export function natsError(what: string, thrown: unknown): RelearnError {
  if (thrown instanceof RelearnError) return thrown;
  if (!(thrown instanceof NatsError)) {
    const { code, message } = RelearnError.from(thrown);
    return new RelearnError(code, `${what}: ${message}`, { cause: thrown });
  }
  const failure = thrown.jsError();
  if (failure !== null) return apiError(what, failure);
  const options = { cause: thrown };
  if (thrown.isPermissionError() || isAuthError(thrown)) {
    return new RelearnError('INVALID_CONFIG', `${what}: ${thrown.message}`, { ...options, remedy: rights });
  }
  const message = thrown.code === ErrorCode.NoResponders ? 'JetStream does not answer' : thrown.message;
  return new RelearnError('UNAVAILABLE', `${what}: ${message}`, options);
}

export function isAuthError(error: NatsError): boolean {
  return (
    error.isAuthError() ||
    error.code === String(ErrorCode.BadCreds) ||
    error.code === String(ErrorCode.BadAuthentication)
  );
}

export function unavailable(message: string): RelearnError {
  return new RelearnError('UNAVAILABLE', message);
}
