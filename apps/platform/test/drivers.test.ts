import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

/** Refuses every driver of a broker or database, wherever it is imported. */
const refusal = `
export async function resolve(specifier, context, next) {
  if (/^(kafkajs|mongodb|nats|@aws-sdk\\/)/.test(specifier)) throw new Error('a driver is loaded: ' + specifier);
  return next(specifier, context);
}`;
const dataOf = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;
const register = dataOf(`import { register } from 'node:module'; register(${JSON.stringify(dataOf(refusal))});`);

/** Runs a script in a process in which no driver can be loaded; answers what it printed. */
async function run(script: string, env: Record<string, string> = {}): Promise<string> {
  const child = spawn(process.execPath, ['--import', register, '--input-type=module', '-e', script], {
    cwd: join(import.meta.dirname, '..'),
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  child.stdout.on('data', (piece: Buffer) => (text += piece.toString()));
  child.stderr.on('data', (piece: Buffer) => (text += piece.toString()));
  await once(child, 'close');
  return text.trim();
}

const start = `
import { readConfig, serviceNames, startPlatform } from '@relearn/platform';
import { silentTelemetry } from '@relearn/telemetry';
const config = readConfig(process.env);
const platform = await startPlatform({ config, telemetry: silentTelemetry(), services: serviceNames, onFailure() {} });
const { status } = await fetch(platform.url + '/api/v1/audit');
await platform.stop();
console.log('started and audited', status);
`;

it('the embedded platform loads no driver of a broker or database', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-drivers-'));
  const ports = { RELEARN_HTTP: '127.0.0.1:0', RELEARN_GRPC: '127.0.0.1:0' };
  try {
    expect(await run(start, { RELEARN_DATA: folder, ...ports })).toBe('started and audited 200');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it.each(['@relearn/bus/kafka', '@relearn/bus/nats', '@relearn/mongodb', '@relearn/blobs/gridfs', '@relearn/blobs/s3'])(
  '%s would be noticed',
  async (adapter) => {
    expect(await run(`await import(${JSON.stringify(adapter)});`)).toContain('a driver is loaded');
  },
);
