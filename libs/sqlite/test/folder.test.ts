import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdir, open, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openSqlite } from '@relearn/sqlite';
import { describe, expect, test } from 'vitest';
import { openNotes, withFolder } from './fixture.js';

const durable = true;

async function holder(folder: string): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('./fixtures/holder.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'inherit'], env: {} });
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

describe('the lock of the folder', () => {
  test('keeps another process out, names it, and is free when it is killed', () =>
    withFolder(async (folder) => {
      const child = await holder(folder);
      await expect(openSqlite({ folder, durable })).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        message: `data folder ${folder} is in use by process ${child.pid}`,
        remedy: expect.stringContaining('RELEARN_DATA'),
      });
      await kill(child);
      const engine = await openSqlite({ folder, durable });
      expect(await readFile(join(folder, 'relearn.pid'), 'utf8')).toBe(`${process.pid}\n`);
      await engine.close();
    }));

  test('keeps a second opening of the same process out, and is free after closing', () =>
    withFolder(async (folder) => {
      const first = await openSqlite({ folder, durable });
      await expect(openSqlite({ folder, durable })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      await first.close();
      const left = (await readdir(folder)).filter((name) => name !== 'relearn.db');
      expect(left).toEqual(['lock.db']);
      await (await openSqlite({ folder, durable })).close();
    }));
});

describe('a folder that cannot be used', () => {
  test('is STORAGE_FAILED when its path is a file', () =>
    withFolder(async (folder) => {
      const file = join(folder, 'file');
      await writeFile(file, 'x');
      await expect(openSqlite({ folder: join(file, 'data'), durable })).rejects.toMatchObject({
        code: 'STORAGE_FAILED',
        message: expect.stringContaining(file),
      });
    }));

  test('is STORAGE_FAILED when the database cannot be opened in it, and is not left locked', () =>
    withFolder(async (folder) => {
      await mkdir(join(folder, 'relearn.db'));
      for (const _ of [1, 2]) {
        await expect(openSqlite({ folder, durable })).rejects.toMatchObject({
          code: 'STORAGE_FAILED',
          message: expect.stringContaining(join(folder, 'relearn.db')),
        });
      }
    }));

  // Permissions do not bind root.
  test.skipIf(process.getuid?.() === 0)('is STORAGE_FAILED when it is read-only', () =>
    withFolder(async (folder) => {
      await chmod(folder, 0o555);
      await expect(openSqlite({ folder, durable })).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
      await chmod(folder, 0o755);
    }),
  );
});

describe('a damaged database', () => {
  test('is CORRUPT at opening when the file is none', () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, 'relearn.db'), 'this is no database at all, whatever its name says'.repeat(400));
      await expect(openSqlite({ folder, durable })).rejects.toMatchObject({
        code: 'CORRUPT',
        message: expect.stringContaining('relearn.db'),
      });
    }));

  test('is CORRUPT at the call that meets the damage', () =>
    withFolder(async (folder) => {
      const { engine, notes } = await openNotes(folder);
      for (let id = 0; id < 40; id++) await notes.call('add', { id, body: new Uint8Array(4_000) });
      await engine.close();
      const file = await open(join(folder, 'relearn.db'), 'r+');
      const { size } = await stat(join(folder, 'relearn.db'));
      await file.write(Buffer.alloc(size - 8_192 * 2, 0xff), 0, size - 8_192 * 2, 8_192 * 2);
      await file.close();
      const again = await openNotes(folder);
      await expect(again.notes.call('read', null)).rejects.toMatchObject({ code: 'CORRUPT' });
      await again.engine.close();
    }));
});

describe('a full disk', () => {
  test('is STORAGE_FAILED and retryable, undoes the call, and passes when there is room again', () =>
    withFolder(async (folder) => {
      const { engine, notes } = await openNotes(folder);
      await notes.call('add', { id: 1 });
      await notes.call('limitPages', 10);
      const body = new Uint8Array(200_000);
      const failed = notes.call('add', { id: 2, body });
      await expect(failed).rejects.toMatchObject({ code: 'STORAGE_FAILED', retryable: true, message: /disk is full/ });
      expect(await notes.call('ids', null)).toEqual([1]);
      await notes.call('limitPages', 10_000);
      await notes.call('add', { id: 2, body });
      expect(await notes.call('ids', null)).toEqual([1, 2]);
      await engine.close();
    }));
});
