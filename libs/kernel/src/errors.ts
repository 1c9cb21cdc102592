/** gRPC status codes by name, as numbers of the wire. */
export const grpcStatus = {
  OK: 0,
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
} as const;

interface CodeFacts {
  readonly retryable: boolean;
  readonly grpc: number;
  readonly http: number;
  readonly remedy: string;
}

/**
 * The closed set of error codes. Each code has one gRPC status, one HTTP status and is either retryable or not;
 * the code itself is the reason that a dead letter carries.
 */
export const errorCodes = {
  INVALID_INPUT: fact(false, 'INVALID_ARGUMENT', 400, 'Correct the request at the place that the message names.'),
  INVALID_PIPELINE: fact(
    false,
    'INVALID_ARGUMENT',
    400,
    'Correct the pipeline file at the line that the message names.',
  ),
  INVALID_EVENT: fact(false, 'INVALID_ARGUMENT', 400, "Correct the event: its schema is the pipeline file's."),
  INVALID_CONFIG: fact(false, 'FAILED_PRECONDITION', 500, 'Correct the environment variable that the message names.'),
  TOO_LARGE: fact(false, 'INVALID_ARGUMENT', 413, 'Send smaller records or fewer at once.'),
  NOT_FOUND: fact(false, 'NOT_FOUND', 404, 'Check the name; `relearn status` lists what exists.'),
  ALREADY_EXISTS: fact(false, 'ALREADY_EXISTS', 409, 'Use another name or the existing one.'),
  CONFLICT: fact(true, 'ABORTED', 409, 'Somebody else wrote first: read again and retry.'),
  FENCED: fact(false, 'ABORTED', 409, 'Another instance has taken this work over; this one lets go of it.'),
  REFUSED: fact(false, 'FAILED_PRECONDITION', 409, 'The message names the rule that forbids it.'),
  RESOURCE_EXHAUSTED: fact(true, 'RESOURCE_EXHAUSTED', 429, 'Retry after the time given; the queue is full.'),
  UNAVAILABLE: fact(true, 'UNAVAILABLE', 503, 'Retry: a part that is needed is not there yet.'),
  DEADLINE_EXCEEDED: fact(true, 'DEADLINE_EXCEEDED', 504, 'Retry with more time.'),
  CANCELLED: fact(false, 'CANCELLED', 499, 'The caller gave up; nothing to do.'),
  STORAGE_FAILED: fact(true, 'UNAVAILABLE', 503, 'Check the disk: space, permissions, read-only mounts.'),
  CORRUPT: fact(false, 'DATA_LOSS', 500, 'Bytes do not match their digest; restore the data folder from a copy.'),
  GAP: fact(false, 'DATA_LOSS', 500, 'Events are missing in the log; run `relearn audit`.'),
  UNIMPLEMENTED: fact(false, 'UNIMPLEMENTED', 501, 'This version does not offer it.'),
  INTERNAL: fact(false, 'INTERNAL', 500, 'A defect: report it with the log line.'),
} as const satisfies Record<string, CodeFacts>;

export type ErrorCode = keyof typeof errorCodes;

function fact(retryable: boolean, status: keyof typeof grpcStatus, http: number, remedy: string): CodeFacts {
  return { retryable, grpc: grpcStatus[status], http, remedy };
}

export interface ErrorPlace {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly field?: string;
}

export interface RelearnErrorOptions {
  readonly cause?: unknown;
  readonly place?: ErrorPlace;
  readonly remedy?: string;
  readonly retryAfterMs?: number;
}

/** Every error that leaves a room of ours: a code of the closed set, a message that names the place, and the cause. */
export class RelearnError extends Error {
  readonly code: ErrorCode;
  readonly place: ErrorPlace | undefined;
  readonly retryAfterMs: number | undefined;
  private readonly ownRemedy: string | undefined;

  constructor(code: ErrorCode, message: string, options: RelearnErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RelearnError';
    this.code = code;
    this.place = options.place;
    this.retryAfterMs = options.retryAfterMs;
    this.ownRemedy = options.remedy;
  }

  get retryable(): boolean {
    return errorCodes[this.code].retryable;
  }

  get grpc(): number {
    return errorCodes[this.code].grpc;
  }

  get http(): number {
    return errorCodes[this.code].http;
  }

  get remedy(): string {
    return this.ownRemedy ?? errorCodes[this.code].remedy;
  }

  /** `file:line:column: message`, with as much of the place as is known. */
  describe(): string {
    const { file, line, column, field } = this.place ?? {};
    const where = [file, line, column].filter((part) => part !== undefined).join(':');
    const named = field === undefined ? this.message : `${field}: ${this.message}`;
    return where === '' ? named : `${where}: ${named}`;
  }

  /** Turns whatever was thrown into a RelearnError; errors of the file system keep their meaning. */
  static from(thrown: unknown): RelearnError {
    if (thrown instanceof RelearnError) return thrown;
    if (!(thrown instanceof Error)) return new RelearnError('INTERNAL', String(thrown));
    const system = systemCode(thrown);
    if (system !== undefined) return new RelearnError(system, thrown.message, { cause: thrown });
    if (thrown.name === 'AbortError') return new RelearnError('CANCELLED', thrown.message, { cause: thrown });
    return new RelearnError('INTERNAL', thrown.message, { cause: thrown });
  }
}

const systemCodes: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'STORAGE_FAILED',
  EROFS: 'STORAGE_FAILED',
  EACCES: 'STORAGE_FAILED',
  EIO: 'STORAGE_FAILED',
  EDQUOT: 'STORAGE_FAILED',
  ENOENT: 'NOT_FOUND',
  EADDRINUSE: 'UNAVAILABLE',
  ECONNREFUSED: 'UNAVAILABLE',
};

function systemCode(error: Error): ErrorCode | undefined {
  const code = 'code' in error ? String(error.code) : '';
  return systemCodes[code];
}
