import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RelearnError } from '@relearn/kernel';
import { builtModule, openSqlite } from '@relearn/sqlite';
import { describe, expect, test } from 'vitest';
import { openNotes, withFolder } from './fixture.js';

describe('group commit', () => {
  test('calls of one tick succeed and fail each on its own', () =>
    withFolder(async (folder) => {
      const { engine, notes } = await openNotes(folder);
      const outcomes = await Promise.allSettled([
        notes.call('add', { id: 1 }),
        notes.call('addThenFail', { id: 2 }),
        notes.call('add', { id: 1 }),
        notes.call('add', { id: 3 }),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
      expect(await notes.call('ids', null)).toEqual([1, 3]);
      await engine.close();
    }));

  test('a later call sees what an earlier one wrote, without waiting for it', () =>
    withFolder(async (folder) => {
      const { engine, notes } = await openNotes(folder);
      const [, first, , second] = await Promise.all([
        notes.call('add', { id: 1 }),
        notes.call('ids', null),
        notes.call('add', { id: 2 }),
        notes.call('ids', null),
      ]);
      expect([first, second]).toEqual([[1], [1, 2]]);
      await engine.close();
    }));

  test('an operation that is not there is INTERNAL and names itself', () =>
    withFolder(async (folder) => {
      const { engine, notes } = await openNotes(folder);
      const wrong = notes.call('nothing' as 'ids', null);
      await expect(wrong).rejects.toMatchObject({ code: 'INTERNAL', message: 'no operation notes.nothing' });
      await engine.close();
    }));
});

describe('closing', () => {
  test('waits for the calls before it, keeps what they wrote and refuses later ones', () =>
    withFolder(async (folder) => {
      const { engine, notes } = await openNotes(folder, { durable: true });
      const writes = Array.from({ length: 50 }, (_, id) => notes.call('add', { id }));
      await Promise.all([engine.close(), engine.close()]);
      await Promise.all(writes);
      await expect(notes.call('ids', null)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      const again = await openNotes(folder);
      expect(await again.notes.call('ids', null)).toHaveLength(50);
      await again.engine.close();
    }));
});

test('closing while a module loads refuses the module', () =>
  withFolder(async (folder) => {
    const engine = await openSqlite({ folder, durable: false });
    const loading = engine.use('late', new URL('./fixtures/operations.js', import.meta.url));
    const refused = expect(loading).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await engine.close();
    await refused;
  }));

describe('a worker that dies', () => {
  for (const death of ['exit', 'throwLater'] as const) {
    test(`${death}: pending and later calls fail, the owner is told once, the folder is free`, () =>
      withFolder(async (folder) => {
        const told: RelearnError[] = [];
        const { engine, notes } = await openNotes(folder, { onFailure: (error) => told.push(error) });
        await notes.call('add', { id: 1 });
        const dying = [notes.call(death, null), notes.call('ids', null)];
        const outcomes = await Promise.allSettled(dying);
        if (death === 'exit') expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
        while (told.length === 0) await new Promise((resolve) => setImmediate(resolve));
        await expect(notes.call('ids', null)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
        await engine.close();
        expect(told.map(({ code }) => code)).toEqual(['STORAGE_FAILED']);
        const again = await openNotes(folder);
        expect(await again.notes.call('ids', null)).toEqual([1]);
        await again.engine.close();
      }));
  }
});

describe('the write-ahead log', () => {
  test('stays bounded however much is written', () =>
    withFolder(async (folder) => {
      const { engine, notes } = await openNotes(folder);
      const body = new Uint8Array(500_000).fill(7);
      for (let id = 0; id < 200; id++) {
        await notes.call('add', { id, body });
        if (id % 10 === 0) await notes.call('ids', null);
      }
      expect((await stat(join(folder, 'relearn.db-wal'))).size).toBeLessThan(40e6);
      await engine.close();
    }));
});

describe('the address of a compiled module', () => {
  test('is in dist for a caller that runs from its source, and beside any other', () => {
    const of = (base: string) => builtModule('./worker.js', base).href;
    expect(of('file:///src/app/libs/sqlite/src/engine.ts')).toBe('file:///src/app/libs/sqlite/dist/worker.js');
    expect(of('file:///src/app/libs/sqlite/dist/engine.js')).toBe('file:///src/app/libs/sqlite/dist/worker.js');
    expect(of('file:///a%20b/libs/bus/src/embedded/index.ts')).toBe('file:///a%20b/libs/bus/dist/embedded/worker.js');
  });
});
