import { RelearnError, type Setting } from '@relearn/kernel';
import type { MongoClientOptions } from 'mongodb';

export interface MongoOptions {
  readonly url: string;
  readonly database: string;
  readonly client: MongoClientOptions;
}

const form = /^mongodb(?:\+srv)?:\/\/(?:[^/@]*@)?([^/?@]+)(?:\/([^?]*))?(?:\?.*)?$/;

/**
 * `mongodb://HOST[:PORT],.../DATABASE?...`: any connection string of MongoDB; the database is `relearn` where it names none.
 * Settings: RELEARN_MONGODB_USER and RELEARN_MONGODB_PASSWORD; RELEARN_MONGODB_CA, RELEARN_MONGODB_CERT and
 * RELEARN_MONGODB_KEY (PEM text), any of which turns TLS on. Throws INVALID_CONFIG naming the setting.
 */
export function mongoOptions(url: string, setting: Setting): MongoOptions {
  const [, hosts, path] = form.exec(url) ?? [];
  if (hosts === undefined) {
    throw invalid(
      'RELEARN_STORE',
      'RELEARN_STORE is no connection string of MongoDB',
      'Write mongodb://HOST/DATABASE.',
    );
  }
  const database = decodeURIComponent(path ?? '') || 'relearn';
  return { url, database, client: { ...fixed, ...credentials(setting), ...tls(setting) } };
}

/**
 * What the store's promises rest on, whatever the connection string says: a write is acknowledged when a majority has it in
 * its journal, and reads see nothing that could be rolled back. The times let a call to a server that is away, stopped or cut
 * off end soon: the caller tries again.
 */
const fixed: MongoClientOptions = {
  appName: 'relearn',
  readPreference: 'primary',
  readConcern: { level: 'majority' },
  writeConcern: { w: 'majority', journal: true, wtimeoutMS: 10_000 },
  serverSelectionTimeoutMS: 2_000,
  connectTimeoutMS: 5_000,
  socketTimeoutMS: 15_000,
  heartbeatFrequencyMS: 2_000,
  waitQueueTimeoutMS: 10_000,
  maxPoolSize: 20,
};

function credentials(setting: Setting): MongoClientOptions {
  const username = setting('RELEARN_MONGODB_USER');
  const password = setting('RELEARN_MONGODB_PASSWORD');
  if (username === undefined && password === undefined) return {};
  if (username === undefined) throw alone('RELEARN_MONGODB_PASSWORD', 'RELEARN_MONGODB_USER');
  if (password === undefined) throw alone('RELEARN_MONGODB_USER', 'RELEARN_MONGODB_PASSWORD');
  return { auth: { username, password } };
}

function tls(setting: Setting): MongoClientOptions {
  const ca = pem('RELEARN_MONGODB_CA', setting);
  const cert = pem('RELEARN_MONGODB_CERT', setting);
  const key = pem('RELEARN_MONGODB_KEY', setting);
  if (cert === undefined && key !== undefined) throw alone('RELEARN_MONGODB_KEY', 'RELEARN_MONGODB_CERT');
  if (cert !== undefined && key === undefined) throw alone('RELEARN_MONGODB_CERT', 'RELEARN_MONGODB_KEY');
  if (ca === undefined && cert === undefined) return {};
  return { tls: true, ...(ca !== undefined && { ca }), ...(cert !== undefined && key !== undefined && { cert, key }) };
}

function pem(name: string, setting: Setting): string | undefined {
  const text = setting(name);
  if (text === undefined || text.includes('-----BEGIN ')) return text;
  throw invalid(name, `${name} is no PEM text`, `To name a file, set ${name}_FILE.`);
}

function alone(name: string, other: string): RelearnError {
  return invalid(other, `${name} is set and ${other} is not`, 'Set both or neither.');
}

function invalid(field: string, message: string, remedy: string): RelearnError {
  return new RelearnError('INVALID_CONFIG', message, { place: { field }, remedy });
}
