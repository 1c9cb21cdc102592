import { natsOptions as optionsOf } from '@relearn/bus/nats';
import { expect, test } from 'vitest';

const natsOptions = (url: string, env: Readonly<Record<string, string>>) => optionsOf(url, (name) => env[name]);

const plain = { prefix: 'relearn', replicas: null, maxPartitionBytes: null, credentials: null, tls: null };

test('an address is a list of hosts; what is not said has a default', () => {
  expect(natsOptions('nats://h', {})).toEqual({ ...plain, servers: ['h:4222'] });
  expect(natsOptions('nats://a:1,b,[::1]:3?prefix=x.y&replicas=3&max_bytes=1000000', {})).toEqual({
    ...plain,
    servers: ['a:1', 'b:4222', '[::1]:3'],
    prefix: 'x.y',
    replicas: 3,
    maxPartitionBytes: 1_000_000,
  });
});

test('user, password and token are in the address or in the environment, which wins', () => {
  const credentials = (url: string, env = {}) => natsOptions(url, env).credentials;
  expect(credentials('nats://me:p%40ss:word@h')).toEqual({ kind: 'user', user: 'me', password: 'p@ss:word' });
  expect(credentials('nats://t0ken@h')).toEqual({ kind: 'token', token: 't0ken' });
  expect(credentials('nats://me@h', { RELEARN_NATS_PASSWORD: 'pw' })).toEqual({
    kind: 'user',
    user: 'me',
    password: 'pw',
  });
  expect(credentials('nats://me:old@h', { RELEARN_NATS_USER: 'you', RELEARN_NATS_PASSWORD: 'new' })).toEqual({
    kind: 'user',
    user: 'you',
    password: 'new',
  });
  expect(credentials('nats://h', { RELEARN_NATS_TOKEN: 't' })).toEqual({ kind: 'token', token: 't' });
  expect(credentials('nats://h', { RELEARN_NATS_CREDS: 'jwt' })).toEqual({ kind: 'creds', creds: 'jwt' });
});

test('credentials of a file and certificates are settings', () => {
  const options = natsOptions('tls://h', {
    RELEARN_NATS_CREDS: 'creds',
    RELEARN_NATS_CA: 'ca',
    RELEARN_NATS_CERT: 'cert',
    RELEARN_NATS_KEY: 'key',
  });
  expect(options.credentials).toEqual({ kind: 'creds', creds: 'creds' });
  expect(options.tls).toEqual({ ca: 'ca', cert: 'cert', key: 'key' });
});

test('tls:// asks for TLS also without files', () => {
  expect(natsOptions('tls://h', {}).tls).toEqual({ ca: null, cert: null, key: null });
});

test.each([
  ['http://h', {}, 'RELEARN_BUS'],
  ['nats://', {}, 'RELEARN_BUS'],
  ['nats://h:99999', {}, 'RELEARN_BUS'],
  ['nats://h:1,,i', {}, 'RELEARN_BUS'],
  ['nats://h?prefix=a b', {}, 'RELEARN_BUS'],
  ['nats://h?prefix=a..b', {}, 'RELEARN_BUS'],
  ['nats://h?replicas=0', {}, 'RELEARN_BUS'],
  ['nats://h?replicas=6', {}, 'RELEARN_BUS'],
  ['nats://h?max_bytes=many', {}, 'RELEARN_BUS'],
  ['nats://h?preffix=a', {}, 'RELEARN_BUS'],
  ['nats://%zz:x@h', {}, 'RELEARN_BUS'],
  ['nats://h', { RELEARN_NATS_USER: 'me' }, 'RELEARN_NATS_PASSWORD'],
  ['nats://h', { RELEARN_NATS_PASSWORD: 'pw' }, 'RELEARN_NATS_USER'],
  ['nats://h', { RELEARN_NATS_TOKEN: 't', RELEARN_NATS_CREDS: 'c' }, 'RELEARN_NATS_CREDS'],
  ['nats://h', { RELEARN_NATS_CERT: 'c' }, 'RELEARN_NATS_KEY'],
  ['nats://h', { RELEARN_NATS_KEY: 'k' }, 'RELEARN_NATS_CERT'],
])('%s with %o is refused at its place', (url, env, field) => {
  expect(() => natsOptions(url, env)).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG', place: { field } }));
});

test('no message tells a password', () => {
  for (const url of ['nats://me:s3cret@', 'nats://me:s3cret@h:99999', 'nats://me:s3cret@h?x=1', 'http://me:s3cret@h']) {
    expect(() => natsOptions(url, {})).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('s3cret') }),
    );
  }
});
