import { type ErrorCode, RelearnError } from '@relearn/kernel';

/** Names of the protocol for a leader or coordinator that is elsewhere by now, or not there yet. Nothing has been written. */
const movedTypes: ReadonlySet<string> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'REPLICA_NOT_AVAILABLE',
  'NOT_ENOUGH_REPLICAS',
  'OFFSET_NOT_AVAILABLE',
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
]);

const codes: Readonly<Record<string, ErrorCode>> = {
  MESSAGE_TOO_LARGE: 'TOO_LARGE',
  RECORD_LIST_TOO_LARGE: 'TOO_LARGE',
  KAFKA_STORAGE_ERROR: 'STORAGE_FAILED',
  CORRUPT_MESSAGE: 'STORAGE_FAILED',
  TOPIC_AUTHORIZATION_FAILED: 'REFUSED',
  GROUP_AUTHORIZATION_FAILED: 'REFUSED',
  CLUSTER_AUTHORIZATION_FAILED: 'REFUSED',
  SECURITY_DISABLED: 'REFUSED',
  POLICY_VIOLATION: 'REFUSED',
  INVALID_REPLICATION_FACTOR: 'INVALID_CONFIG',
  INVALID_CONFIG: 'INVALID_CONFIG',
  INVALID_SESSION_TIMEOUT: 'INVALID_CONFIG',
  SASL_AUTHENTICATION_FAILED: 'INVALID_CONFIG',
  UNSUPPORTED_SASL_MECHANISM: 'INVALID_CONFIG',
  ILLEGAL_SASL_STATE: 'INVALID_CONFIG',
};

/** What Node calls a handshake in which one side does not trust the other. */
const certificateCodes = /^ERR_(?:TLS|SSL)_|CERT|^UNABLE_TO_/;

const connectionErrors: ReadonlySet<string> = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSLockTimeout',
]);

/** The protocol's name of an error, also of one that is a cause; an empty text where it has none. */
export function protocolType(thrown: unknown): string {
  if (!(thrown instanceof Error)) return '';
  if ('type' in thrown && typeof thrown.type === 'string') return thrown.type;
  if ('errors' in thrown && Array.isArray(thrown.errors)) return protocolType(thrown.errors[0]);
  return protocolType(thrown.cause);
}

export function hasMoved(thrown: unknown): boolean {
  return movedTypes.has(protocolType(thrown));
}

/** Whether the connection itself has failed: what was asked may or may not have been done. */
export function connectionFailed(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  if (protocolType(thrown) !== '') return false;
  return thrown instanceof RelearnError ? thrown.code === 'UNAVAILABLE' : connectionErrors.has(thrown.name);
}

/** Whether the leader or coordinator may be another one by now, and is to be found out again. */
export function mayHaveMoved(thrown: unknown): boolean {
  return hasMoved(thrown) || connectionFailed(thrown);
}

/** Turns what kafkajs has thrown into an error of ours; the protocol's own error stays its cause. */
export function kafkaError(thrown: unknown, what: string): RelearnError {
  if (thrown instanceof RelearnError) return thrown;
  if (!(thrown instanceof Error)) return RelearnError.from(thrown);
  const message = `Kafka: ${what}: ${thrown.message}`;
  if (thrown.name === 'KafkaJSSASLAuthenticationError') {
    return new RelearnError('INVALID_CONFIG', message, {
      cause: thrown,
      remedy: 'Check RELEARN_KAFKA_SASL_MECHANISM, _USERNAME and _PASSWORD.',
    });
  }
  if ('code' in thrown && typeof thrown.code === 'string' && certificateCodes.test(thrown.code)) {
    return new RelearnError('INVALID_CONFIG', message, {
      cause: thrown,
      remedy: 'Check RELEARN_KAFKA_CA, _CERT and _KEY against the brokers.',
    });
  }
  const code = codes[protocolType(thrown)];
  if (code !== undefined) return new RelearnError(code, message, { cause: thrown });
  const retriable = 'retriable' in thrown && thrown.retriable === true;
  if (retriable || hasMoved(thrown) || connectionFailed(thrown))
    return new RelearnError('UNAVAILABLE', message, { cause: thrown });
  return new RelearnError('INTERNAL', message, { cause: thrown });
}
