import { type ErrorCode, RelearnError } from '@relearn/kernel';
import {
  MongoCompatibilityError,
  MongoError,
  MongoInvalidArgumentError,
  MongoMissingCredentialsError,
  MongoMissingDependencyError,
  MongoParseError,
  MongoServerError,
  MongoWriteConcernError,
} from 'mongodb';

/** Codes of the server (`error_codes.yml` of MongoDB) that are neither a lost primary nor its own failure. */
const ofServer: ReadonlyMap<number, ErrorCode> = new Map([
  [11_000, 'ALREADY_EXISTS'],
  // Unauthorized, AuthenticationFailed, and both of Atlas.
  [13, 'INVALID_CONFIG'],
  [18, 'INVALID_CONFIG'],
  [8_000, 'INVALID_CONFIG'],
  // BSONObjectTooLarge, and a key too long for its index.
  [10_334, 'TOO_LARGE'],
  [17_280, 'TOO_LARGE'],
]);

/** The server stops, is no primary any more, or could not do it in time: another try may reach another or come later. */
const away: ReadonlySet<number> = new Set([
  6, 7, 24, 50, 63, 89, 91, 112, 134, 189, 262, 317, 9_001, 10_107, 11_600, 11_602, 13_388, 13_435, 13_436,
]);

const misconfigured = [
  MongoParseError,
  MongoMissingCredentialsError,
  MongoMissingDependencyError,
  MongoCompatibilityError,
] as const;

const remedies: Partial<Record<ErrorCode, string>> = {
  INVALID_CONFIG: 'Check RELEARN_STORE, RELEARN_MONGODB_USER, RELEARN_MONGODB_PASSWORD and the user’s roles.',
  STORAGE_FAILED: 'See MongoDB’s log: its disk, its memory, its limits.',
};

/** What the driver or the server threw, as an error of ours. The operation may have been done where the code is retryable. */
export function mongoError(thrown: unknown, place: string): RelearnError {
  const ofSocket = thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string';
  if (thrown instanceof RelearnError || !(thrown instanceof MongoError || ofSocket)) return RelearnError.from(thrown);
  // A socket that is closed in the middle of a write throws past the driver.
  const code = thrown instanceof MongoError ? codeOf(thrown) : 'UNAVAILABLE';
  const remedy = remedies[code];
  return new RelearnError(code, `${place}: ${thrown.message}`, {
    cause: thrown,
    ...(remedy !== undefined && { remedy }),
  });
}

function codeOf(error: MongoError): ErrorCode {
  if (error instanceof MongoWriteConcernError) return 'UNAVAILABLE';
  if (error instanceof MongoServerError) {
    const code = Number(error.code);
    const known = ofServer.get(code);
    if (known !== undefined) return known;
    return away.has(code) || error.hasErrorLabel('RetryableWriteError') ? 'UNAVAILABLE' : 'STORAGE_FAILED';
  }
  if (misconfigured.some((kind) => error instanceof kind)) return 'INVALID_CONFIG';
  // What else the driver throws says that no server was reached, or that its answer was lost.
  return error instanceof MongoInvalidArgumentError ? 'INTERNAL' : 'UNAVAILABLE';
}
