import type { Metadata, ServiceError } from '@grpc/grpc-js';
import type { RelearnError } from '@relearn/kernel';
import { errorOf, statusOf } from '../status.js';

const codeKey = 'relearn-code';
/** Percent-encoded: metadata is ASCII. */
const remedyKey = 'relearn-remedy';
/** gRPC's own name for the delay after which a retry is welcome, in milliseconds. */
const retryKey = 'grpc-retry-pushback-ms';

/** What ends a call that failed. */
export interface WireStatus {
  readonly code: number;
  readonly details: string;
  /** The error's code, remedy and retry delay, as ASCII texts. */
  readonly trailers: Readonly<Record<string, string>>;
}

export function wireStatusOf(thrown: unknown): WireStatus {
  const { status, message, code, remedy, retryAfterMs } = statusOf(thrown);
  const trailers = {
    ...(remedy === undefined ? {} : { [remedyKey]: encodeURIComponent(wellFormed(remedy)) }),
    ...(code === undefined ? {} : { [codeKey]: code }),
    ...(retryAfterMs === undefined ? {} : { [retryKey]: String(Math.ceil(retryAfterMs)) }),
  };
  return { code: status, details: wellFormed(message), trailers };
}

/** Half a surrogate pair, where a text was cut, has no encoding: encoding it would throw. */
function wellFormed(text: string): string {
  return text.replaceAll(/\p{Surrogate}/gu, '\ufffd');
}

export function errorOfWire(error: ServiceError): RelearnError {
  const code = textOf(error.metadata, codeKey);
  const remedy = textOf(error.metadata, remedyKey);
  const retryAfter = Number(textOf(error.metadata, retryKey) ?? Number.NaN);
  return errorOf({
    status: error.code,
    message: error.details,
    ...(code === undefined ? {} : { code }),
    ...(remedy === undefined ? {} : { remedy: decoded(remedy) }),
    ...(Number.isFinite(retryAfter) ? { retryAfterMs: retryAfter } : {}),
  });
}

function textOf(metadata: Metadata | undefined, key: string): string | undefined {
  const value = metadata?.get(key)[0];
  return typeof value === 'string' ? value : undefined;
}

/** A stranger's text may be no encoding. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
