import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kafkaOptions, openKafkaBus } from '@relearn/bus/kafka';
import { retry, systemKernel } from '@relearn/kernel';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { programs } from '../../../tests/brokers/programs.js';
import { freePorts } from '../../../tests/brokers/protocols.js';
import { broker, randomPrefix } from './kafka-engine.js';

const { clock, chance } = systemKernel;
const hasOpenssl = ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'].some((path) =>
  existsSync(join(path, 'openssl')),
);
const possible = broker !== null && programs.kafka.isBuilt() && hasOpenssl;
let folder = '';
let child: ChildProcess | undefined;
let [logins, certificates] = [0, 0];

const path = (name: string) => join(folder, name);

/** One broker with two doors: TLS with a login, and TLS that asks for a certificate. */
beforeAll(async () => {
  if (!possible) return;
  folder = await mkdtemp(join(tmpdir(), 'relearn-kafka-'));
  for (const name of ['server', 'client', 'other']) makeCertificate(name);
  await writeFile(
    path('server.store'),
    (await readFile(path('server.key'))) + (await readFile(path('server.pem'), 'utf8')),
  );
  const built = await programs.kafka.build();
  const [own = 0, controller = 0, ...doors] = await freePorts(4);
  [logins = 0, certificates = 0] = doors;
  const { command, args } = await programs.kafka.prepare(built, folder, [own, controller]);
  const inside = `PLAINTEXT://127.0.0.1:${own}`;
  const outside = `SASL_SSL://127.0.0.1:${logins},SSL://127.0.0.1:${certificates}`;
  const settings = {
    listeners: `${inside},${outside},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `${inside},${outside}`,
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL',
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': path('server.store'),
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': path('client.pem'),
    'listener.name.ssl.ssl.client.auth': 'required',
    'sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.sasl_ssl.plain.sasl.jaas.config':
      'org.apache.kafka.common.security.plain.PlainLoginModule required user_anna="p@ss word";',
  };
  // Of two lines with one name the later counts.
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  await appendFile(args.at(-1) ?? '', lines.join(''));
  child = spawn(command, args, { stdio: 'ignore' });
});

afterAll(async () => {
  if (child !== undefined && child.kill('SIGKILL')) await once(child, 'exit');
  if (folder !== '') await rm(folder, { recursive: true });
});

/** Publishes a record and reads it as a follower and as a member of a group. Waits for a broker that is starting. */
async function use(port: number, env: Readonly<Record<string, string>>): Promise<string> {
  const url = `kafka://127.0.0.1:${port}?prefix=${randomPrefix()}`;
  const options = kafkaOptions(url, (name) => env[name]);
  const patient = { clock, chance, firstDelayMs: 200, longestDelayMs: 500, attempts: 100 };
  const bus = await retry(patient, () => openKafkaBus(options, systemKernel));
  try {
    await bus.ensureTopics([{ name: 'flights', partitions: 1, retentionMs: null }]);
    await bus.publish([
      { topic: 'flights', partition: 0, key: 'k', headers: {}, value: new TextEncoder().encode('here') },
    ]);
    const limits = { maxRecords: 1, maxBytes: 1 };
    const [followed] = await bus.follow('flights', 0, 0).next(limits, new AbortController().signal);
    const assigned = new Promise<number>((resolve) => {
      void bus.subscribe({ group: 'g', topics: ['flights'], onAssigned: resolve, onRevoked: async () => {} });
    });
    expect(await assigned).toBe(0);
    return new TextDecoder().decode(followed?.value);
  } finally {
    await bus.close();
  }
}

describe.skipIf(!possible)(
  'Kafka with TLS and SASL (needs a broker that was built here, and openssl)',
  { timeout: 180_000 },
  () => {
    const login = { RELEARN_KAFKA_SASL_MECHANISM: 'PLAIN', RELEARN_KAFKA_SASL_USERNAME: 'anna' };
    const textOf = (name: string) => readFileSync(path(name), 'utf8');
    const trusting = (name: string) => ({ RELEARN_KAFKA_SSL: 'true', RELEARN_KAFKA_CA: textOf(name) });

    test('a login over TLS', async () => {
      const tls = trusting('server.pem');
      expect(await use(logins, { ...tls, ...login, RELEARN_KAFKA_SASL_PASSWORD: 'p@ss word' })).toBe('here');
    });

    test('a wrong password is told as such', async () => {
      const wrong = { ...trusting('server.pem'), ...login, RELEARN_KAFKA_SASL_PASSWORD: 'wrong' };
      await expect(use(logins, wrong)).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
    });

    test('a certificate for each side', async () => {
      const own = { RELEARN_KAFKA_CERT: textOf('client.pem'), RELEARN_KAFKA_KEY: textOf('client.key') };
      expect(await use(certificates, { ...trusting('server.pem'), ...own })).toBe('here');
      await expect(use(certificates, trusting('server.pem'))).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
    });

    test('a broker that nobody vouches for is not spoken to', async () => {
      const other = { ...trusting('other.pem'), ...login, RELEARN_KAFKA_SASL_PASSWORD: 'p@ss word' };
      await expect(use(logins, other)).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
      await expect(use(logins, other)).rejects.toThrow(/certificate/);
    });
  },
);

function makeCertificate(name: string): void {
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost', '-days', '2'];
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', path(`${name}.key`), '-out', path(`${name}.pem`)];
  execFileSync('openssl', ['req', '-x509', ...key, ...subject], { stdio: 'ignore' });
}
