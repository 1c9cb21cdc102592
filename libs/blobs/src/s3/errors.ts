import { S3ServiceException } from '@aws-sdk/client-s3';
import { type ErrorCode, RelearnError } from '@relearn/kernel';

const remedies: Partial<Record<ErrorCode, string>> = {
  INVALID_CONFIG: 'Check RELEARN_BLOBS, the AWS_ variables, and that they allow to list, get, put and delete objects.',
};

const misconfigured: ReadonlySet<string> = new Set([
  'NoSuchBucket',
  'CredentialsProviderError',
  'PermanentRedirect',
  'AuthorizationHeaderMalformed',
]);

/** Whether the object is not there. */
export function isMissing(thrown: unknown): boolean {
  if (!(thrown instanceof S3ServiceException) || thrown.name === 'NoSuchBucket') return false;
  return thrown.name === 'NoSuchKey' || thrown.$metadata.httpStatusCode === 404;
}

/** What the SDK or the server threw, as an error of ours; what is no answer of a server is a server that is away. */
export function s3Error(thrown: unknown, place: string): RelearnError {
  if (thrown instanceof RelearnError) return thrown;
  const code = codeOf(thrown);
  const reason = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  const remedy = remedies[code];
  return new RelearnError(code, `${place}: ${reason}`, { cause: thrown, ...(remedy !== undefined && { remedy }) });
}

function codeOf(thrown: unknown): ErrorCode {
  if (thrown instanceof Error && misconfigured.has(thrown.name)) return 'INVALID_CONFIG';
  const status = thrown instanceof S3ServiceException ? thrown.$metadata.httpStatusCode : undefined;
  if (status === 401 || status === 403) return 'INVALID_CONFIG';
  if (status === 400) return 'STORAGE_FAILED';
  return 'UNAVAILABLE';
}
