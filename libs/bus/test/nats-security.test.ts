import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { natsOptions, openNatsBus } from '@relearn/bus/nats';
import { RelearnError, retry, systemKernel } from '@relearn/kernel';
import { createMemoryStore } from '@relearn/store/memory';
import { nkeys } from 'nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { programs } from '../../../tests/brokers/programs.js';
import { sharedNats } from './nats-server.js';

const kernel = systemKernel;
const built = sharedNats !== null && programs.nats.isBuilt();
const hasOpenssl = ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'].some((folder) =>
  existsSync(join(folder, 'openssl')),
);
const running: { readonly child: ChildProcess; readonly ended: Promise<unknown> }[] = [];
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relearn-nats-'));
});

afterAll(async () => {
  for (const { child } of running) child.kill();
  await Promise.all(running.map(({ ended }) => ended));
  await rm(folder, { recursive: true });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** A server with these lines in its configuration; its `HOST:PORT`. */
async function start(lines: string): Promise<string> {
  const port = await freePort();
  const file = join(folder, `${port}.conf`);
  await writeFile(file, `listen: "127.0.0.1:${port}"\n${lines}\n`);
  const child = spawn(join(await programs.nats.build(), 'nats-server'), ['-c', file], {
    stdio: 'ignore',
  });
  running.push({ child, ended: once(child, 'exit') });
  return `127.0.0.1:${port}`;
}

const jetstream = () => `jetstream { store_dir: "${join(folder, `js-${running.length}`)}" }\n`;

/** Opens a bus, publishes a record, and answers its position; waits while the server is starting. */
async function use(url: string, env: Record<string, string> = {}): Promise<number | undefined> {
  const open = () => openNatsBus({ ...natsOptions(url, (name) => env[name]), store: createMemoryStore() }, kernel);
  const bus = await retry({ clock: kernel.clock, chance: kernel.chance, longestDelayMs: 200, attempts: 40 }, open);
  try {
    await bus.ensureTopics([{ name: 'flights', partitions: 1, retentionMs: null }]);
    const record = { topic: 'flights', partition: 0, key: null, headers: {}, value: new Uint8Array(1) };
    return (await bus.publish([record]))[0];
  } finally {
    await bus.close();
  }
}

const refused = expect.objectContaining({ code: 'INVALID_CONFIG' });

describe.skipIf(!built)('NATS with credentials (needs a server that was built here)', () => {
  test('user and password', async () => {
    const host = await start(jetstream() + 'authorization { user: me, password: "p@ss:word" }');
    expect(await use(`nats://me:p%40ss%3Aword@${host}`)).toBe(0);
    expect(await use(`nats://${host}`, { RELEARN_NATS_USER: 'me', RELEARN_NATS_PASSWORD: 'p@ss:word' })).toBe(1);
    await expect(use(`nats://me:wrong@${host}`)).rejects.toEqual(refused);
    await expect(use(`nats://${host}`)).rejects.toEqual(refused);
  });

  test('a token', async () => {
    const host = await start(jetstream() + 'authorization { token: "s3cret" }');
    expect(await use(`nats://s3cret@${host}`)).toBe(0);
    expect(await use(`nats://${host}`, { RELEARN_NATS_TOKEN: 's3cret' })).toBe(1);
    await expect(use(`nats://wrong@${host}`)).rejects.toEqual(refused);
  });

  test('a creds file', async () => {
    const operator = nkeys.createOperator();
    const [account, system] = [nkeys.createAccount(), nkeys.createAccount()];
    const user = nkeys.createUser();
    const unlimited = { streams: -1, consumer: -1, conn: -1, subs: -1, data: -1, payload: -1 };
    const accountLine = (pair: typeof account, limits: object) =>
      `${pair.getPublicKey()}: ${jwt(operator, pair.getPublicKey(), { type: 'account', limits })}`;
    const withJetStream = { ...unlimited, mem_storage: -1, disk_storage: -1 };
    const host = await start(`${jetstream()}
      operator: ${jwt(operator, operator.getPublicKey(), { type: 'operator' })}
      resolver: MEMORY
      system_account: ${system.getPublicKey()}
      resolver_preload { ${accountLine(account, withJetStream)}, ${accountLine(system, unlimited)} }`);
    const userToken = jwt(account, user.getPublicKey(), { type: 'user', subs: -1, data: -1, payload: -1 });
    const seed = new TextDecoder().decode(user.getSeed());
    const rule = (text: string) => `-----${text}-----`;
    const creds = [
      rule('BEGIN NATS USER JWT'),
      userToken,
      rule('END NATS USER JWT'),
      '',
      rule('BEGIN USER NKEY SEED'),
      seed,
      rule('END USER NKEY SEED'),
    ].join('\n');
    expect(await use(`nats://${host}`, { RELEARN_NATS_CREDS: creds })).toBe(0);
    await expect(use(`nats://${host}`)).rejects.toEqual(refused);
  });

  test.skipIf(!hasOpenssl)('TLS, with a certificate for each side', async () => {
    for (const name of ['server', 'client', 'other']) makeCertificate(name);
    const path = (name: string) => join(folder, name);
    const textOf = (name: string) => readFileSync(path(name), 'utf8');
    const server = `cert_file: "${path('server.pem')}", key_file: "${path('server.key')}"`;
    const host = await start(`${jetstream()}tls { ${server}, ca_file: "${path('client.pem')}", verify: true }`);
    const client = { RELEARN_NATS_CERT: textOf('client.pem'), RELEARN_NATS_KEY: textOf('client.key') };
    expect(await use(`tls://${host}`, { ...client, RELEARN_NATS_CA: textOf('server.pem') })).toBe(0);
    expect(await use(`nats://${host}`, { ...client, RELEARN_NATS_CA: textOf('server.pem') })).toBe(1);
    await expect(use(`tls://${host}`, client)).rejects.toEqual(refused);
    await expect(use(`tls://${host}`, { ...client, RELEARN_NATS_CA: textOf('other.pem') })).rejects.toEqual(refused);
  });

  test('a right that is missing is named', async () => {
    const user = 'user: me, password: pw, permissions: { publish: { deny: ["*.flights.>"] } }';
    const host = await start(`${jetstream()}authorization { users: [ { ${user} } ] }`);
    const open = () => openNatsBus({ ...natsOptions(`nats://me:pw@${host}`), store: createMemoryStore() }, kernel);
    const bus = await retry({ clock: kernel.clock, chance: kernel.chance, longestDelayMs: 200, attempts: 40 }, open);
    await bus.ensureTopics([{ name: 'flights', partitions: 1, retentionMs: null }]);
    const record = { topic: 'flights', partition: 0, key: null, headers: {}, value: new Uint8Array(1) };
    const publishing = expect(bus.publish([record])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    while (bus.health?.() === null) await kernel.clock.sleep(10);
    expect(bus.health?.()).toMatchObject({
      code: 'INVALID_CONFIG',
      message: 'NATS allows us no publish to relearn.flights.0',
    });
    await bus.close();
    await publishing;
  });

  test('a server that may not be spoken to in the clear is refused where it has no TLS', async () => {
    const host = await start(jetstream());
    expect(await use(`nats://${host}`)).toBe(0);
    await expect(use(`tls://${host}`)).rejects.toEqual(refused);
  });

  test('a server without JetStream is away, not wrong', async () => {
    const host = await start('');
    let error: RelearnError | undefined;
    while (error === undefined || /REFUSED/.test(error.message)) {
      const options = { ...natsOptions(`nats://${host}`), store: createMemoryStore() };
      error = await openNatsBus(options, kernel).then(
        () => undefined,
        (thrown: unknown) => RelearnError.from(thrown),
      );
    }
    expect(error).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('JetStream does not answer') });
  });
});

function makeCertificate(name: string): void {
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  const key = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    join(folder, `${name}.key`),
  ];
  execFileSync('openssl', ['req', '-x509', ...key, '-out', join(folder, `${name}.pem`), '-days', '2', ...subject], {
    stdio: 'ignore',
  });
}

/** A token of NATS' own kind: who `subject` is, as the issuer says. */
function jwt(issuer: ReturnType<typeof nkeys.createUser>, subject: string, nats: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iss: issuer.getPublicKey(), sub: subject, name: 'test', iat: 1, nats: { ...nats, version: 2 } };
  const jti = createHash('sha256').update(JSON.stringify(claims)).digest('hex');
  const signed = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part({ ...claims, jti })}`;
  return `${signed}.${Buffer.from(issuer.sign(new TextEncoder().encode(signed))).toString('base64url')}`;
}
