import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { RelearnError } from '@relearn/kernel';
import { beforeEach, expect, test } from 'vitest';
import { cleanUpAfterEach } from './clean-up.js';
import { auditAtRest, eventually, partitions, startWorld, temporaryFolder, type World } from './world.js';

const start = join(import.meta.dirname, 'fixtures', 'start.mjs');
const nobody = 65_534;

const cleanUp = cleanUpAfterEach();
let folder: string;

beforeEach(async () => {
  const temporary = await temporaryFolder();
  cleanUp.push(temporary.remove);
  folder = join(temporary.path, 'data');
  await chmod(temporary.path, 0o755);
});

/** Why the platform does not start. */
async function refusal(env: Record<string, string> = {}): Promise<RelearnError> {
  let world: World;
  try {
    world = await startWorld({ folder, env });
  } catch (thrown) {
    if (thrown instanceof RelearnError) return thrown;
    throw thrown;
  }
  await world.stop();
  throw new Error('it has started');
}

/** It starts, and its log is without a fault. */
async function startsWell(): Promise<void> {
  const world = await startWorld({ folder });
  cleanUp.push(world.stop);
  expect((await auditAtRest(world)).violations).toEqual([]);
}

interface Child {
  /** Its first line: `started`, or the error. */
  readonly says: string;
  /** Its exit code. */
  readonly exited: Promise<number | null>;
  /** Asks it to end. */
  stop(): void;
}

/** The platform in another process, of another user where one is given. */
async function startChild(user?: number): Promise<Child> {
  const env = { ...process.env, RELEARN_DATA: folder, RELEARN_HTTP: '127.0.0.1:0', RELEARN_GRPC: '127.0.0.1:0' };
  const who = user === undefined ? {} : { uid: user, gid: user };
  const child = spawn(process.execPath, [start], {
    env: { ...env, RELEARN_PARTITIONS: partitions },
    stdio: ['ignore', 'pipe', 'inherit'],
    ...who,
  });
  const stop = () => void child.kill('SIGTERM');
  cleanUp.push(async () => stop());
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  let text = '';
  child.stdout.on('data', (piece: Buffer) => {
    text += piece.toString();
  });
  const says = await eventually('a line of the child', () => text.includes('\n') && (text.split('\n')[0] ?? ''));
  return { says, exited, stop };
}

test.each([
  ['RELEARN_HTTP', /HTTP cannot listen on 127\.0\.0\.1:\d+.*in use/i],
  ['RELEARN_GRPC', /gRPC cannot listen on 127\.0\.0\.1:\d+.*in use/i],
])('a port in use: %s', async (variable, message) => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  cleanUp.push(async () => void holder.close());
  const place = holder.address();
  const port = typeof place === 'object' ? place?.port : undefined;
  const error = await refusal({ [variable]: `127.0.0.1:${port}` });
  expect(error).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringMatching(message) });
  expect(error.remedy).toContain(variable);
  // Nothing of the attempt is left open.
  await startsWell();
});

test('a data folder that another process uses', async () => {
  const other = await startChild();
  expect(other.says).toBe('started');
  const error = await refusal();
  expect(error).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringMatching(/in use by process \d+/) });
  expect(error.remedy).toContain('RELEARN_DATA');
  other.stop();
  expect(await other.exited).toBe(0);
  await startsWell();
});

test('a data folder with another number of partitions', async () => {
  await startsWell();
  for (const clean of cleanUp.splice(1)) await clean();
  const error = await refusal({ RELEARN_PARTITIONS: '5' });
  expect(error).toMatchObject({ code: 'REFUSED', message: expect.stringContaining('5') });
  expect(error.remedy).toContain('RELEARN_PARTITIONS');
  await startsWell();
});

test('a path that is a file', async () => {
  await writeFile(folder, 'a file');
  const error = await refusal();
  expect(error).toMatchObject({ code: 'STORAGE_FAILED', message: expect.stringContaining(folder) });
  expect(error.remedy).toContain('RELEARN_DATA');
});

const changesUser = process.getuid?.() === 0;
const whoWrites = changesUser ? '' : ' (only root can start a process of another user: the folder is made read-only)';

test(`a folder that may not be written${whoWrites}`, async () => {
  await mkdir(folder);
  if (!changesUser) await chmod(folder, 0o555);
  const child = await startChild(changesUser ? nobody : undefined);
  const error = JSON.parse(child.says) as RelearnError;
  expect(error).toMatchObject({
    name: 'RelearnError',
    code: 'STORAGE_FAILED',
    message: expect.stringContaining(folder),
  });
  expect(error.remedy).toMatch(/permission|write/);
  // Nothing that it opened keeps it alive.
  expect(await child.exited).toBe(0);
  expect(await readdir(folder)).toEqual([]);
});

test('a folder that was written by another user and may now only be read', async () => {
  if (!changesUser) return expect(await readdir(join(folder, '..'))).toEqual([]);
  await startsWell();
  for (const clean of cleanUp.splice(1)) await clean();
  const before = await readdir(folder, { recursive: true });
  const child = await startChild(nobody);
  const error = JSON.parse(child.says) as RelearnError;
  expect(error).toMatchObject({
    name: 'RelearnError',
    code: 'STORAGE_FAILED',
    message: expect.stringContaining(folder),
  });
  // Nothing that it opened keeps it alive.
  expect(await child.exited).toBe(0);
  expect(await readdir(folder, { recursive: true })).toEqual(before);
  await startsWell();
});

test('a database that is none', async () => {
  await mkdir(folder);
  const file = join(folder, 'relearn.db');
  await writeFile(file, 'this was something else once, and no database '.repeat(200));
  const error = await refusal();
  expect(error).toMatchObject({ code: 'CORRUPT', message: expect.stringContaining('relearn.db') });
  expect(error.remedy).toMatch(/[Rr]estore/);
  expect(await readFile(file, 'utf8')).toMatch(/^this was something else/);
});

test('files that a crash has left half-written', async () => {
  const unfinished = join(folder, 'blobs', 'unfinished');
  const spool = join(folder, 'spool');
  for (const made of [unfinished, spool]) await mkdir(made, { recursive: true });
  const half = join(unfinished, `${'a'.repeat(64)}.1`);
  await writeFile(half, 'half a bl');
  const hoursAgo = Date.now() / 1_000 - 3_700;
  await utimes(half, hoursAgo, hoursAgo);
  await writeFile(join(spool, '0000000000000001.jsonl'), '{"first":1,"pipeline":"or');
  await writeFile(join(spool, 'shipped.json.new'), '{"ack');
  await startsWell();
  expect(await readdir(unfinished)).toEqual([]);
  expect(await readFile(join(spool, '0000000000000001.jsonl'), 'utf8')).toBe('');
});

test('a block of the spool that never reached the disk', async () => {
  const file = join(folder, 'spool', '0000000000000001.jsonl');
  await mkdir(join(folder, 'spool'), { recursive: true });
  await writeFile(file, `${'\0'.repeat(4096)}\n`);
  await startsWell();
  expect(await readFile(`${file}.spoiled`)).toEqual(await readFile(file));
});

test('a spool whose state is spoiled', async () => {
  await mkdir(join(folder, 'spool'), { recursive: true });
  await writeFile(join(folder, 'spool', 'shipped.json'), '{"acked": 1');
  const error = await refusal();
  expect(error).toMatchObject({ code: 'CORRUPT', place: { file: join(folder, 'spool', 'shipped.json') } });
  expect(error.remedy).toContain('spool folder');
});

test('a blob whose bytes are not what they were', async () => {
  const world = await startWorld({ folder });
  const digest = await world.platform.ports.blobs.put(Buffer.from('a model'));
  await world.stop();
  const file = join(folder, 'blobs', digest.slice(0, 2), digest.slice(2, 4), digest);
  await writeFile(file, 'a modem');
  const again = await startWorld({ folder });
  cleanUp.push(again.stop);
  const failure = await again.platform.ports.blobs.get(digest).catch((thrown: unknown) => thrown);
  expect(failure).toMatchObject({ code: 'CORRUPT', message: expect.stringContaining(digest) });
});
