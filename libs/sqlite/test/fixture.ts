import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqlite, type Room, type SqliteEngine, type SqliteOptions } from '@relearn/sqlite';

export interface Notes {
  add(note: { readonly id: number; readonly body?: Uint8Array }): void;
  addThenFail(note: { readonly id: number }): void;
  ids(input: null): number[];
  limitPages(pages: number): void;
  exit(input: null): void;
  throwLater(input: null): void;
  read(input: null): number;
}

export interface Opened {
  readonly engine: SqliteEngine;
  readonly notes: Room<Notes>;
}

export async function openNotes(folder: string, more: Partial<SqliteOptions> = {}): Promise<Opened> {
  const engine = await openSqlite({ folder, durable: false, ...more });
  const notes = await engine.use<Notes>('notes', new URL('./fixtures/operations.js', import.meta.url));
  return { engine, notes };
}

/** Runs the body with a folder of its own. */
export async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-sqlite-'));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
