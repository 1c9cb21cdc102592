import { type ErrorCode, errorCodes, grpcStatus, RelearnError } from '@relearn/kernel';

/** What crosses the wire of an error. */
export interface RpcStatus {
  /** gRPC status code. */
  readonly status: number;
  readonly message: string;
  /** The code of the closed set; absent when a stranger answered. */
  readonly code?: string;
  /** What to do, where it is another thing than the code's own. */
  readonly remedy?: string;
  readonly retryAfterMs?: number;
}

/** Trailers have a limit; a message may quote the caller's own text. */
const longestMessage = 2_000;

export function statusOf(thrown: unknown): RpcStatus {
  const error = RelearnError.from(thrown);
  const text = error.place === undefined ? error.message : error.describe();
  const message = text.length > longestMessage ? `${text.slice(0, longestMessage)}…` : text;
  const retryAfter = error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs };
  const remedy = error.remedy === errorCodes[error.code].remedy ? {} : { remedy: error.remedy };
  return { status: error.grpc, code: error.code, message, ...remedy, ...retryAfter };
}

const codeOfStatus: Readonly<Record<number, ErrorCode>> = {
  [grpcStatus.CANCELLED]: 'CANCELLED',
  [grpcStatus.INVALID_ARGUMENT]: 'INVALID_INPUT',
  [grpcStatus.DEADLINE_EXCEEDED]: 'DEADLINE_EXCEEDED',
  [grpcStatus.NOT_FOUND]: 'NOT_FOUND',
  [grpcStatus.ALREADY_EXISTS]: 'ALREADY_EXISTS',
  [grpcStatus.RESOURCE_EXHAUSTED]: 'RESOURCE_EXHAUSTED',
  [grpcStatus.FAILED_PRECONDITION]: 'REFUSED',
  [grpcStatus.ABORTED]: 'CONFLICT',
  [grpcStatus.UNIMPLEMENTED]: 'UNIMPLEMENTED',
  [grpcStatus.INTERNAL]: 'INTERNAL',
  [grpcStatus.UNAVAILABLE]: 'UNAVAILABLE',
  [grpcStatus.DATA_LOSS]: 'CORRUPT',
};

/** The error as the caller throws it; a status that we never send is INTERNAL. */
export function errorOf(status: RpcStatus): RelearnError {
  const code = isErrorCode(status.code) ? status.code : (codeOfStatus[status.status] ?? 'INTERNAL');
  const retryAfter = status.retryAfterMs === undefined ? {} : { retryAfterMs: status.retryAfterMs };
  const remedy = status.remedy === undefined ? {} : { remedy: status.remedy };
  return new RelearnError(code, status.message, { ...remedy, ...retryAfter });
}

function isErrorCode(text: string | undefined): text is ErrorCode {
  return text !== undefined && Object.hasOwn(errorCodes, text);
}
