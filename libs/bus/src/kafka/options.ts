import { RelearnError, type Setting, unset } from '@relearn/kernel';

export type SaslMechanism = 'plain' | 'scram-sha-256' | 'scram-sha-512';

export interface KafkaConnection {
  /** `host:port` of some brokers; they tell the others. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Certificates in PEM, as text; null speaks without TLS. */
  readonly ssl: { readonly ca?: string; readonly cert?: string; readonly key?: string } | null;
  readonly sasl: { readonly mechanism: SaslMechanism; readonly username: string; readonly password: string } | null;
}

export interface KafkaTopicSettings {
  /** Before the names of topics and groups. */
  readonly prefix: string;
  readonly replication: number;
  /** Replicas that must have a record before it is acknowledged. */
  readonly minInSyncReplicas: number;
  /** Each record is forced to disk before it is acknowledged. */
  readonly flush: boolean;
}

export interface KafkaGroupSettings {
  /** After so long without a heartbeat a member's partitions are given to others. */
  readonly sessionMs: number;
  readonly heartbeatMs: number;
  /** How long a rebalance waits for members to join again. */
  readonly rebalanceMs: number;
  /** How long a drain may take before its partition is taken away. */
  readonly drainMs: number;
}

export interface KafkaOptions extends KafkaConnection, KafkaTopicSettings {
  readonly groups?: Partial<KafkaGroupSettings>;
}

/** Kafka's least session by default: a killed member's partitions are others' after six seconds. */
export const groupDefaults: KafkaGroupSettings = {
  sessionMs: 6_000,
  heartbeatMs: 500,
  rebalanceMs: 10_000,
  drainMs: 60_000,
};

const mechanisms: readonly SaslMechanism[] = ['plain', 'scram-sha-256', 'scram-sha-512'];
const parameters = ['prefix', 'replication', 'min_insync', 'flush', 'client_id'];
const remedy = 'Write kafka://host:9092,host:9092[?prefix=relearn.&replication=3&min_insync=2&flush=true].';

/**
 * Reads `kafka://host:port,host:port[?prefix=P&replication=N&min_insync=N&flush=true]` and the settings RELEARN_KAFKA_SSL,
 * _CA, _CERT, _KEY (PEM text), _SASL_MECHANISM, _SASL_USERNAME, _SASL_PASSWORD. Throws INVALID_CONFIG naming the setting.
 */
export function kafkaOptions(url: string, setting: Setting = unset): KafkaOptions {
  const match = /^kafka:\/\/([^/?#]+)\/?(?:\?(.*))?$/.exec(url);
  const [, hosts = '', query = ''] = match ?? [];
  if (match === null) throw invalid('RELEARN_BUS', `'${withoutLogin(url)}' is no address of Kafka`, remedy);
  const given = new URLSearchParams(query);
  for (const name of given.keys()) {
    if (!parameters.includes(name)) throw invalid('RELEARN_BUS', `unknown parameter '${name}'`, remedy);
  }
  const replication = wholeNumber(given, 'replication', 1);
  const minInSyncReplicas = wholeNumber(given, 'min_insync', Math.max(1, replication - 1));
  if (minInSyncReplicas > replication) throw invalid('RELEARN_BUS', 'min_insync is above replication', remedy);
  const prefix = given.get('prefix') ?? 'relearn.';
  if (!/^[A-Za-z0-9._-]{0,100}$/.test(prefix)) throw invalid('RELEARN_BUS', `prefix '${prefix}'`, remedy);
  return {
    brokers: hosts.split(',').map(brokerAddress),
    clientId: given.get('client_id') ?? 'relearn',
    prefix,
    replication,
    minInSyncReplicas,
    flush: flag('RELEARN_BUS flush', given.get('flush') ?? undefined),
    ssl: sslOf(setting),
    sasl: saslOf(setting),
  };
}

function brokerAddress(text: string): string {
  const match = /^(\[[0-9a-fA-F:]+\]|[^:@\s]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port < 1 || port > 65_535) {
    throw invalid('RELEARN_BUS', `broker '${withoutLogin(text)}' is not host:port`, remedy);
  }
  return text;
}

/** What a message may show: logins do not belong into the address, but somebody may have written one. */
function withoutLogin(text: string): string {
  return text.replace(/[^/,@]*@/g, '***@');
}

function wholeNumber(given: URLSearchParams, name: string, otherwise: number): number {
  const text = given.get(name);
  if (text === null) return otherwise;
  if (!/^[1-9]\d?$/.test(text)) throw invalid('RELEARN_BUS', `${name} '${text}' is no number from 1 to 99`, remedy);
  return Number(text);
}

function sslOf(setting: Setting): KafkaOptions['ssl'] {
  const ca = pem('RELEARN_KAFKA_CA', setting);
  const cert = pem('RELEARN_KAFKA_CERT', setting);
  const key = pem('RELEARN_KAFKA_KEY', setting);
  if (!flag('RELEARN_KAFKA_SSL', setting('RELEARN_KAFKA_SSL'))) {
    const named = { RELEARN_KAFKA_CA: ca, RELEARN_KAFKA_CERT: cert, RELEARN_KAFKA_KEY: key };
    for (const [name, text] of Object.entries(named)) {
      if (text === undefined) continue;
      throw invalid(name, 'is set, but RELEARN_KAFKA_SSL is not true', 'Set RELEARN_KAFKA_SSL=true.');
    }
    return null;
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw invalid('RELEARN_KAFKA_CERT', 'needs RELEARN_KAFKA_KEY, and the other way round', 'Set both or none.');
  }
  return { ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) };
}

function pem(name: string, setting: Setting): string | undefined {
  const text = setting(name);
  if (text === undefined || text.includes('-----BEGIN ')) return text;
  throw invalid(name, 'is no PEM text', `To name a file, set ${name}_FILE.`);
}

function saslOf(setting: Setting): KafkaOptions['sasl'] {
  const named = setting('RELEARN_KAFKA_SASL_MECHANISM');
  const username = setting('RELEARN_KAFKA_SASL_USERNAME');
  const password = setting('RELEARN_KAFKA_SASL_PASSWORD');
  if (named === undefined && username === undefined && password === undefined) return null;
  const mechanism = mechanisms.find((one) => one === (named ?? '').toLowerCase());
  if (mechanism === undefined) {
    throw invalid('RELEARN_KAFKA_SASL_MECHANISM', `'${named ?? ''}'`, 'Use PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.');
  }
  if (username === undefined || password === undefined) {
    const missing = username === undefined ? 'USERNAME' : 'PASSWORD';
    throw invalid(`RELEARN_KAFKA_SASL_${missing}`, 'is not set', 'Set it, or its _FILE with the path of a file.');
  }
  return { mechanism, username, password };
}

function flag(name: string, text: string | undefined): boolean {
  if (text === undefined || text === '' || text === 'false') return false;
  if (text === 'true') return true;
  throw invalid(name, `'${text}'`, 'Use true or false.');
}

function invalid(name: string, what: string, remedy: string): RelearnError {
  return new RelearnError('INVALID_CONFIG', `${name}: ${what}`, { remedy, place: { field: name } });
}
