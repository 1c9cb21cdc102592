import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server } from 'node:tls';
import { systemClock } from '@relearn/kernel';
import { mongoOptions, openMongo } from '@relearn/mongodb';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

const { mongodb } = inject('engines');
const hasOpenssl = ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'].some((path) =>
  existsSync(join(path, 'openssl')),
);
let folder = '';
let door: Server;
let port = 0;

const text = (name: string) => readFileSync(join(folder, name), 'utf8');

function makeCertificate(name: string): void {
  const files = ['-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.pem`)];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost'];
  const form = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', ...form, ...subject, ...files], { stdio: 'ignore' });
}

/** Answers what the database answers through a door that asks for the client's certificate. */
async function ping(settings: Readonly<Record<string, string>>): Promise<unknown> {
  const mongo = openMongo(
    mongoOptions(`mongodb://localhost:${port}/tls`, (name) => settings[name]),
    systemClock,
  );
  try {
    return await mongo.run('ping', (database) => database.command({ ping: 1 }));
  } finally {
    await mongo.close();
  }
}

describe.skipIf(mongodb === null || !hasOpenssl)('TLS', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'relearn-mongodb-'));
    for (const name of ['server', 'client', 'other']) makeCertificate(name);
    const { hostname, port: inside } = new URL(mongodb ?? '');
    door = createServer(
      { key: text('server.key'), cert: text('server.pem'), ca: text('client.pem'), requestCert: true },
      (outside) => {
        const server = connect(Number(inside), hostname);
        outside.pipe(server).pipe(outside);
        outside.on('error', () => server.destroy());
        server.on('error', () => outside.destroy());
      },
    );
    door.on('tlsClientError', () => undefined);
    await once(door.listen(0, 'localhost'), 'listening');
    const address = door.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
  });

  afterAll(async () => {
    await new Promise((resolve) => void door.close(resolve));
    await rm(folder, { recursive: true });
  });

  test('both sides show their certificates', async () => {
    const settings = {
      RELEARN_MONGODB_CA: text('server.pem'),
      RELEARN_MONGODB_CERT: text('client.pem'),
      RELEARN_MONGODB_KEY: text('client.key'),
    };
    expect(await ping(settings)).toMatchObject({ ok: 1 });
  });

  test('a server that is not trusted and a client that is not are no connection', async () => {
    const own = { RELEARN_MONGODB_CERT: text('client.pem'), RELEARN_MONGODB_KEY: text('client.key') };
    await expect(ping({ ...own, RELEARN_MONGODB_CA: text('other.pem') })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('certificate'),
    });
    await expect(ping({ RELEARN_MONGODB_CA: text('server.pem') })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(ping({})).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
