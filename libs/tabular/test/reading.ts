import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RelearnError } from '@relearn/kernel';
import { afterAll } from 'vitest';
import { type Cell, type ChunkOptions, openTable, type TableFile } from '../src/index.js';

const folder = mkdtempSync(join(tmpdir(), 'relearn-tabular-'));
let files = 0;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Path of a new temporary file with this content. */
export function fileOf(extension: string, content: string | Uint8Array): string {
  const path = join(folder, `${files++}.${extension}`);
  writeFileSync(path, content);
  return path;
}

export function fixture(name: string): string {
  return new URL(`fixtures/${name}`, import.meta.url).pathname;
}

/** All columns of the file, its chunks joined. */
export async function columnsOf(file: TableFile, options?: ChunkOptions): Promise<Record<string, Cell[]>> {
  const joined = new Map<string, Cell[]>(file.schema.columns.map(({ name }) => [name, []]));
  for await (const chunk of file.chunks(options)) {
    for (const [name, cells] of Object.entries(chunk.columns)) joined.get(name)?.push(...cells);
  }
  return Object.fromEntries(joined);
}

/** Types by column, and the columns, of a file with this content. */
export async function read(extension: string, content: string) {
  const file = await openTable(fileOf(extension, content));
  const types = Object.fromEntries(file.schema.columns.map(({ name, type }) => [name, type]));
  return { types, columns: await columnsOf(file), rowCount: file.rowCount };
}

/** What the error says of a file that cannot be read, its path written as `FILE`. */
export async function complaint(path: string): Promise<string> {
  try {
    await columnsOf(await openTable(path));
  } catch (thrown) {
    if (thrown instanceof RelearnError) return `${thrown.code} ${thrown.describe().replace(path, 'FILE')}`;
    throw thrown;
  }
  return 'no error';
}
