import { Metadata, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import type { RelearnError } from '@relearn/kernel';
import { errorOf, statusOf } from '../status.js';

const codeKey = 'relearn-code';
/** Percent-encoded: metadata is ASCII. */
const remedyKey = 'relearn-remedy';
/** gRPC's own name for the delay after which a retry is welcome, in milliseconds. */
const retryKey = 'grpc-retry-pushback-ms';

/** The status, with the error's code and retry delay as trailers. */
export function wireStatusOf(thrown: unknown): Partial<StatusObject> {
  const { status, message, code, remedy, retryAfterMs } = statusOf(thrown);
  const metadata = new Metadata();
  if (remedy !== undefined) metadata.set(remedyKey, encodeURIComponent(wellFormed(remedy)));
  if (code !== undefined) metadata.set(codeKey, code);
  if (retryAfterMs !== undefined) metadata.set(retryKey, String(Math.ceil(retryAfterMs)));
  return { code: status, details: wellFormed(message), metadata };
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
