import { type KafkaOptions, kafkaOptions } from '@relearn/bus/kafka';
import { expect, test } from 'vitest';

function parse(url: string, env: Readonly<Record<string, string>> = {}): KafkaOptions {
  return kafkaOptions(url, (name) => env[name]);
}

const at = 'kafka://k1:9092';

test('the address names the brokers, the rest has defaults', () => {
  expect(parse('kafka://k1:9092,10.0.0.2:9093,[::1]:9094')).toEqual({
    brokers: ['k1:9092', '10.0.0.2:9093', '[::1]:9094'],
    clientId: 'relearn',
    prefix: 'relearn.',
    replication: 1,
    minInSyncReplicas: 1,
    flush: false,
    ssl: null,
    sasl: null,
  });
});

test('parameters set prefix and durability; of three replicas two must have a record', () => {
  expect(parse(`${at}?prefix=eu.&replication=3`)).toMatchObject({
    prefix: 'eu.',
    replication: 3,
    minInSyncReplicas: 2,
  });
  expect(parse(`${at}/?replication=3&min_insync=3&flush=true`)).toMatchObject({ minInSyncReplicas: 3, flush: true });
  expect(parse(`${at}?prefix=`).prefix).toBe('');
});

test('an address that cannot be right is refused with what is wrong', () => {
  const wrong: readonly (readonly [string, string])[] = [
    ['kafka://', 'no address'],
    ['nats://k1:4222', 'no address'],
    ['kafka://k1', "'k1'"],
    ['kafka://k1:9092,', "''"],
    ['kafka://k1:70000', "'k1:70000'"],
    ['kafka://k1:9092?replicas=3', "'replicas'"],
    ['kafka://k1:9092?replication=0', "'0'"],
    ['kafka://k1:9092?replication=1&min_insync=2', 'min_insync'],
    ['kafka://k1:9092?prefix=a/b', "'a/b'"],
    ['kafka://k1:9092?flush=yes', "'yes'"],
  ];
  for (const [url, part] of wrong) {
    expect(() => parse(url), url).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }));
    expect(() => parse(url), url).toThrow(part);
  }
});

test('a login in the address is refused and not shown', () => {
  expect(() => parse('kafka://anna:secret@k1:9092')).toThrow(/\*\*\*@k1:9092/);
  expect(() => parse('kafka://anna:secret@k1:9092')).not.toThrow(/secret/);
});

test('TLS takes certificates as PEM texts', () => {
  const ssl = { RELEARN_KAFKA_SSL: 'true' };
  const pem = (what: string) => `-----BEGIN ${what}-----\nMII\n-----END ${what}-----\n`;
  const [ca, key] = [pem('CERTIFICATE'), pem('PRIVATE KEY')];
  expect(parse(at, ssl).ssl).toEqual({});
  expect(parse(at, { ...ssl, RELEARN_KAFKA_CA: ca }).ssl).toEqual({ ca });
  const both = { ...ssl, RELEARN_KAFKA_CERT: ca, RELEARN_KAFKA_KEY: key };
  expect(parse(at, both).ssl).toEqual({ cert: ca, key });
  expect(() => parse(at, { ...ssl, RELEARN_KAFKA_CERT: ca })).toThrow('RELEARN_KAFKA_KEY');
  expect(() => parse(at, { RELEARN_KAFKA_CA: ca })).toThrow('RELEARN_KAFKA_SSL');
  expect(() => parse(at, { ...ssl, RELEARN_KAFKA_CA: '/ca' })).toThrow(
    expect.objectContaining({ remedy: expect.stringContaining('RELEARN_KAFKA_CA_FILE') }),
  );
});

test('SASL takes mechanism, name and password', () => {
  const login = { RELEARN_KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512', RELEARN_KAFKA_SASL_USERNAME: 'anna' };
  expect(parse(at, { ...login, RELEARN_KAFKA_SASL_PASSWORD: 'p' }).sasl).toEqual({
    mechanism: 'scram-sha-512',
    username: 'anna',
    password: 'p',
  });
  expect(() => parse(at, login)).toThrow('RELEARN_KAFKA_SASL_PASSWORD');
  expect(() => parse(at, { RELEARN_KAFKA_SASL_USERNAME: 'anna' })).toThrow('RELEARN_KAFKA_SASL_MECHANISM');
  expect(() => parse(at, { ...login, RELEARN_KAFKA_SASL_MECHANISM: 'GSSAPI' })).toThrow("'GSSAPI'");
});
