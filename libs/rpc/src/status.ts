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

/**
 * Bytes of a message as trailers have it, percent-encoded: clients take some 8 KiB of all. A message may quote the caller's own
 * text.
 */
const longestMessage = 4_000;

export function statusOf(thrown: unknown): RpcStatus {
  const error = RelearnError.from(thrown);
  const text = error.place === undefined ? error.message : error.describe();
  const message = fitting(text);
  const retryAfter = error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs };
  const remedy = error.remedy === errorCodes[error.code].remedy ? {} : { remedy: error.remedy };
  return { status: error.grpc, code: error.code, message, ...remedy, ...retryAfter };
}

/** The text, or as much of its begin as fits. */
function fitting(text: string): string {
  // The longest a character gets: three bytes, each as a percent sign and two digits.
  if (9 * text.length <= longestMessage) return text;
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += isPlain(character) ? 1 : 3 * Buffer.byteLength(character);
    if (bytes > longestMessage) return `${text.slice(0, end)}…`;
    end += character.length;
  }
  return text;
}

/** Does it stand for itself in a trailer? */
function isPlain(character: string): boolean {
  return character >= ' ' && character <= '~' && character !== '%';
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
