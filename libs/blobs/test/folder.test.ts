import { mkdir, mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
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

test('what a killed process left half-written is cleaned at opening and never listed', async () => {
  await openFolderBlobs(folder, { durable: true });
  await writeFile(join(folder, 'unfinished', `${digest}.1`), 'a');
  const blobs = await openFolderBlobs(folder, { durable: true });
  expect(await readdir(join(folder, 'unfinished'))).toEqual([]);
  expect(await blobs.has(digest)).toBe(false);
  expect(await blobs.list({ limit: 10 })).toEqual([]);
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
