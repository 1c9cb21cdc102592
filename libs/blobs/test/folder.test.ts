import { mkdir, mkdtemp, readdir, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFolderBlobs } from '@relearn/blobs/folder';
import { sha256 } from '@relearn/kernel';
import { afterEach, beforeEach, expect, test } from 'vitest';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relearn-blobs-'));
});
afterEach(() => rm(folder, { recursive: true }));

const bytes = new TextEncoder().encode('abc');
const digest = sha256(bytes);
const fileOf = (name: string) => join(folder, name.slice(0, 2), name.slice(2, 4), name);

test('a blob is the file aa/bb/<digest>', async () => {
  const blobs = await openFolderBlobs(folder, { durable: true });
  await blobs.put(bytes);
  expect((await stat(fileOf(digest))).size).toBe(3);
});

test('what a killed process left half-written is never listed, and cleaned an hour later by who opens the folder', async () => {
  await openFolderBlobs(folder, { durable: true });
  const [fresh, left] = [join(folder, 'unfinished', `${digest}.1`), join(folder, 'unfinished', `${digest}.2`)];
  for (const file of [fresh, left]) await writeFile(file, 'a');
  const hoursAgo = Date.now() / 1_000 - 3_700;
  await utimes(left, hoursAgo, hoursAgo);
  const blobs = await openFolderBlobs(folder, { durable: true });
  expect(await readdir(join(folder, 'unfinished'))).toEqual([`${digest}.1`]);
  expect(await blobs.has(digest)).toBe(false);
  expect(await blobs.list({ limit: 10 })).toEqual([]);
});

test('opening a folder takes away nothing that another process is writing there', async () => {
  const writer = await openFolderBlobs(folder, { durable: false });
  const blobs = Array.from({ length: 40 }, (_, index) => new Uint8Array(256 * 1024).fill(index));
  const putting = Promise.all(blobs.map((each) => writer.put(each)));
  const opening = Promise.all(blobs.map(() => openFolderBlobs(folder, { durable: false })));
  expect(await putting).toEqual(blobs.map((each) => sha256(each)));
  const [other] = await opening;
  expect(await other?.list({ limit: 100 })).toEqual(blobs.map((each) => sha256(each)).sort());
});

test('foreign files beside the blobs are left alone', async () => {
  await writeFile(join(folder, 'relearn.db'), 'x');
  await mkdir(join(folder, 'xy'));
  const blobs = await openFolderBlobs(folder, { durable: false });
  await blobs.put(bytes);
  expect(await blobs.list({ limit: 10 })).toEqual([digest]);
  expect(await readdir(folder)).toContain('relearn.db');
});

test('a file that the disk has cut is CORRUPT, and putting the bytes again heals it', async () => {
  const blobs = await openFolderBlobs(folder, { durable: true });
  await blobs.put(bytes);
  await truncate(fileOf(digest), 1);
  await expect(blobs.get(digest)).rejects.toMatchObject({ code: 'CORRUPT', place: { file: fileOf(digest) } });
  await blobs.put(bytes);
  expect(Buffer.from(await blobs.get(digest)).toString()).toBe('abc');
});

test('a folder that cannot be made is STORAGE_FAILED and named', async () => {
  const file = join(folder, 'file');
  await writeFile(file, 'x');
  await expect(openFolderBlobs(join(file, 'blobs'), { durable: true })).rejects.toMatchObject({
    code: 'STORAGE_FAILED',
    message: expect.stringContaining(file),
  });
});

test('closing waits for what is being written', async () => {
  const blobs = await openFolderBlobs(folder, { durable: true });
  const large = new Uint8Array(3 * 1024 * 1024).fill(1);
  const putting = blobs.put(large);
  await blobs.close();
  const again = await openFolderBlobs(folder, { durable: true });
  expect((await again.get(sha256(large))).byteLength).toBe(large.byteLength);
  expect(await putting).toBe(sha256(large));
});
