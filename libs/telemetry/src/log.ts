import { RelearnError } from '@relearn/kernel';
import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino';
import { prettyStream } from './pretty.js';

/** pino's logger: `log.info({ fields }, 'message')`, `log.child({ service })`. */
export type Log = Logger;

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LogOptions {
  readonly level: LogLevel;
  /** What every line tells. */
  readonly base?: Readonly<Record<string, string | number>> | undefined;
  /** Lines for people in place of JSON. */
  readonly pretty?: boolean;
  /** Where the lines go; standard error by default. */
  readonly stream?: DestinationStream;
  /** The traceparent in force where a line is written; its ids are added to the line. */
  readonly traceparent?: () => string | undefined;
}

/** A logger of one JSON object a line with `level` as a word and `time` in ISO 8601. */
export function createLog(options: LogOptions): Log {
  const raw = options.stream ?? destination({ dest: 2, sync: true });
  return pino(
    {
      level: options.level,
      base: options.base === undefined ? null : { ...options.base },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      mixin: () => traceIds(options.traceparent?.()),
      serializers: { err: describeError },
    },
    options.pretty === true ? prettyStream(raw) : raw,
  );
}

function traceIds(traceparent: string | undefined): Record<string, string> {
  if (traceparent === undefined) return {};
  const [, trace = '', span = ''] = traceparent.split('-');
  return { trace_id: trace, span_id: span };
}

/** What a line tells of an error: code, place and remedy; the stack of a defect only. */
function describeError(thrown: unknown): Record<string, unknown> {
  const error = RelearnError.from(thrown);
  const cause = error.cause === undefined ? {} : { cause: messagesOf(error.cause) };
  const defect = error.code === 'INTERNAL' ? { stack: thrown instanceof Error ? thrown.stack : undefined } : {};
  return { code: error.code, message: error.describe(), remedy: error.remedy, ...cause, ...defect };
}

function messagesOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause === undefined ? cause.message : `${cause.message}: ${messagesOf(cause.cause)}`;
}
