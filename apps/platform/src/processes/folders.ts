import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** What a process of several has to itself. */
export function folderOf(data: string, index: number): string {
  return join(data, `process-${index}`);
}

export interface LeftBehind {
  /** Of the spool. */
  readonly folder: string;
  /** The folder whose lock says who may use it; null: whoever runs has it anyway. */
  readonly lock: string | null;
}

/**
 * Spools that nobody fills while so many processes run: of processes when there were more, or of the one that there was, which
 * uses the data folder itself.
 */
export function spoolsLeftBehind(data: string, processes: number): LeftBehind[] {
  const used = processes === 1 ? [data] : Array.from({ length: processes }, (_, index) => folderOf(data, index));
  const there = readdirSync(data).filter((name) => /^process-\d+$/.test(name));
  return [data, ...there.map((name) => join(data, name))]
    .filter((folder) => !used.includes(folder) && existsSync(join(folder, 'spool')))
    .map((folder) => ({ folder: join(folder, 'spool'), lock: folder === data ? null : folder }));
}
