import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { listens } from './protocols.js';

const workspace = join(import.meta.dirname, '..', '..');
const engines = inject('engines');
let run: ChildProcess;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relearn-run-'));
});

afterEach(async () => {
  run.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** Starts a run that never ends by itself, and answers the port of the server that it uses. */
async function portOfRun(): Promise<number> {
  const vitest = join(workspace, 'node_modules/vitest/vitest.mjs');
  const config = join(import.meta.dirname, 'fixtures', 'waits.config.ts');
  const child = spawn(process.execPath, [vitest, 'run', '--config', config], {
    env: { ...process.env, RELEARN_TEST_ENGINES: 'nats', TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  run = child;
  for await (const line of createInterface({ input: child.stdout })) {
    const port = /uses nats:\/\/[\w.]+:(\d+)/.exec(line)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error('the run has ended before it said anything');
}

const serversFolders = async () => (await readdir(folder)).filter((name) => name.startsWith('relearn-servers-'));

test.skipIf(engines.nats === null || engines.control === null).each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
  'nothing is left of a run that ends by %s',
  async (signal) => {
    const port = await portOfRun();
    expect(await listens('127.0.0.1', port)).toBe(true);
    expect(await serversFolders()).toHaveLength(1);
    const exited = once(run, 'exit');
    // To the whole group, as a terminal does.
    process.kill(-(run.pid ?? 0), signal);
    await exited;
    while ((await listens('127.0.0.1', port)) || (await serversFolders()).length > 0) await sleep(20);
  },
);
