import { type ErrorCode, type ErrorPlace, RelearnError } from '@relearn/kernel';

/** What a job's `run` gets beside its input. */
export interface JobContext {
  /** Tells the caller how far the work is; the value is cloned. */
  progress(value: unknown): void;
  /** True once the caller has given up: to be asked between steps of long work. */
  cancelled(): boolean;
}

/** A module that a worker thread can run. ArrayBuffers in the result are moved to the caller, not copied. */
export interface JobModule {
  run(input: unknown, context: JobContext): unknown;
}

/** To the thread. `cancel` is four shared bytes; not zero means cancelled. */
export type ToThread =
  | { readonly type: 'run'; readonly module: string; readonly input: unknown; readonly cancel: SharedArrayBuffer }
  | { readonly type: 'end' };

export type FromThread =
  | { readonly type: 'progress'; readonly value: unknown }
  | { readonly type: 'done'; readonly result: unknown }
  | { readonly type: 'failed'; readonly error: PlainError };

/** A RelearnError as structured clone carries it: subclasses of Error lose their own properties there. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
  readonly place: ErrorPlace | undefined;
  readonly retryAfterMs: number | undefined;
  readonly stack: string | undefined;
}

export function plainError(thrown: unknown): PlainError {
  const error = RelearnError.from(thrown);
  const { code, message, remedy, place, retryAfterMs } = error;
  return { code, message, remedy, place, retryAfterMs, stack: thrown instanceof Error ? thrown.stack : undefined };
}

/** The error of the other side; its stack there is kept in the cause. */
export function revivedError(plain: PlainError): RelearnError {
  const cause = new Error(plain.message);
  if (plain.stack !== undefined) cause.stack = plain.stack;
  return new RelearnError(plain.code, plain.message, {
    cause,
    remedy: plain.remedy,
    ...(plain.place === undefined ? {} : { place: plain.place }),
    ...(plain.retryAfterMs === undefined ? {} : { retryAfterMs: plain.retryAfterMs }),
  });
}
