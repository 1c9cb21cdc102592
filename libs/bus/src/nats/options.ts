import { RelearnError, type Setting, unset } from '@relearn/kernel';

/** How to reach a NATS server or cluster, and what the streams are like that are made there. */
export interface NatsOptions {
  /** `host:port` each; the client goes on with another one when one is away. */
  readonly servers: readonly string[];
  /** The first token of all subjects: `PREFIX.TOPIC.PARTITION`. */
  readonly prefix: string;
  /** Copies of each stream in a cluster; null leaves what the stream has (1 when it is new). */
  readonly replicas: number | null;
  /** Bytes that a partition may hold before it refuses more; null for no limit of its own. */
  readonly maxPartitionBytes: number | null;
  readonly credentials: NatsCredentials | null;
  readonly tls: NatsTls | null;
}

export type NatsCredentials =
  | { readonly kind: 'user'; readonly user: string; readonly password: string }
  | { readonly kind: 'token'; readonly token: string }
  /** The text of a `.creds` file: a JWT and its key. */
  | { readonly kind: 'creds'; readonly creds: string };

/** PEM texts; without `ca` the system's authorities are trusted. */
export interface NatsTls {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}

const defaultPort = 4222;
const mostReplicas = 5;

/**
 * Reads `nats://[USER:PASSWORD@]HOST[:PORT][,HOST...][?prefix=&replicas=&max_bytes=]` (or `tls://`) and the settings
 * `RELEARN_NATS_USER`, `_PASSWORD`, `_TOKEN`, `_CREDS`, `_CA`, `_CERT` and `_KEY`, which win over the URL. Throws
 * INVALID_CONFIG naming the setting.
 */
export function natsOptions(url: string, setting: Setting = unset): NatsOptions {
  const match = /^(nats|tls):\/\/(?:([^@/?]*)@)?([^@/?]+)\/?(?:\?(.*))?$/.exec(url);
  if (match === null) throw invalid('RELEARN_BUS', 'is no nats://HOST:PORT');
  const [, scheme, userinfo, hosts = '', query = ''] = match;
  const parameters = new URLSearchParams(query);
  for (const name of parameters.keys()) {
    if (!['prefix', 'replicas', 'max_bytes'].includes(name)) {
      throw invalid('RELEARN_BUS', `has the unknown parameter '${name}'`);
    }
  }
  const tls = readTls(setting);
  return {
    servers: hosts.split(',').map(serverOf),
    prefix: readPrefix(parameters.get('prefix') ?? 'relearn'),
    replicas: count(parameters, 'replicas', mostReplicas),
    maxPartitionBytes: count(parameters, 'max_bytes', Number.MAX_SAFE_INTEGER),
    credentials: readCredentials(userinfo, setting),
    tls: tls ?? (scheme === 'tls' ? { ca: null, cert: null, key: null } : null),
  };
}

function serverOf(text: string): string {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+)(?::(\d{1,5}))?$/.exec(text);
  const port = Number(match?.[2] ?? defaultPort);
  if (match === null || port < 1 || port > 65_535) throw invalid('RELEARN_BUS', `names no server in '${text}'`);
  return `${match[1]}:${port}`;
}

function readPrefix(prefix: string): string {
  if (/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(prefix)) return prefix;
  throw invalid('RELEARN_BUS', `has the prefix '${prefix}': letters, digits, dashes and underscores, parted by dots`);
}

function count(parameters: URLSearchParams, name: string, most: number): number | null {
  const text = parameters.get(name);
  if (text === null || text === '') return null;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return value;
  throw invalid('RELEARN_BUS', `has ${name}=${text}: a number from 1 to ${most}`);
}

function readCredentials(userinfo: string | undefined, setting: Setting): NatsCredentials | null {
  const creds = setting('RELEARN_NATS_CREDS');
  const token = setting('RELEARN_NATS_TOKEN');
  const user = setting('RELEARN_NATS_USER');
  const password = setting('RELEARN_NATS_PASSWORD');
  if ([creds, token, user].filter((value) => value !== undefined).length > 1) {
    throw invalid('RELEARN_NATS_CREDS', 'is one of several: give one of CREDS, TOKEN and USER with PASSWORD');
  }
  if (creds !== undefined) return { kind: 'creds', creds };
  if (token !== undefined) return { kind: 'token', token };
  if (user !== undefined) {
    if (password === undefined) throw invalid('RELEARN_NATS_PASSWORD', 'is missing: RELEARN_NATS_USER is set');
    return { kind: 'user', user, password };
  }
  if (userinfo === undefined || userinfo === '') {
    if (password !== undefined) throw invalid('RELEARN_NATS_USER', 'is missing: RELEARN_NATS_PASSWORD is set');
    return null;
  }
  const [name = '', ...rest] = userinfo.split(':');
  if (rest.length === 0 && password === undefined) return { kind: 'token', token: decoded(name) };
  return { kind: 'user', user: decoded(name), password: password ?? decoded(rest.join(':')) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (thrown) {
    throw new RelearnError('INVALID_CONFIG', 'RELEARN_BUS has a user or password that is not percent-encoded', {
      cause: thrown,
      place: { field: 'RELEARN_BUS' },
    });
  }
}

function readTls(setting: Setting): NatsTls | null {
  const ca = setting('RELEARN_NATS_CA') ?? null;
  const cert = setting('RELEARN_NATS_CERT') ?? null;
  const key = setting('RELEARN_NATS_KEY') ?? null;
  if ((cert === null) !== (key === null)) {
    throw invalid(
      cert === null ? 'RELEARN_NATS_CERT' : 'RELEARN_NATS_KEY',
      'is missing: certificate and key go together',
    );
  }
  return ca === null && cert === null ? null : { ca, cert, key };
}

function invalid(name: string, problem: string): RelearnError {
  return new RelearnError('INVALID_CONFIG', `${name} ${problem}`, {
    place: { field: name },
    remedy: 'Use nats://HOST:4222, with user and password in it or in RELEARN_NATS_USER and RELEARN_NATS_PASSWORD.',
  });
}
