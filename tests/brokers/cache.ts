import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
export const recipes = join(import.meta.dirname, 'servers');

/** Where servers that were built are kept from run to run. */
export function cacheFolder(): string {
  const { RELEARN_TEST_SERVERS, XDG_CACHE_HOME } = process.env;
  return RELEARN_TEST_SERVERS ?? join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'relearn', 'servers');
}

/** The folder of a server as these files of `servers/` describe it: another one when they change. */
export function folderOf(name: string, files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(join(recipes, file)));
  return join(cacheFolder(), `${name}-${hash.digest('hex').slice(0, 12)}`);
}

export const isBuilt = (folder: string) => existsSync(folder);

/** Lets `build` fill a folder, which gets its name when it is complete. Two runs may build at once; the first one's stays. */
export async function buildOnce(folder: string, build: (into: string) => Promise<void>): Promise<void> {
  if (isBuilt(folder)) return;
  const unfinished = `${folder}.${process.pid}`;
  await mkdir(unfinished, { recursive: true });
  try {
    await build(unfinished);
    await rename(unfinished, folder);
  } catch (failure) {
    if (!isBuilt(folder)) throw failure;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** Runs a program. Throws with what it said, or that it is missing. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  try {
    const env = { ...process.env, ...options.env };
    const { stdout, stderr } = await execute(command, args, { cwd: options.cwd, env, maxBuffer: 2 ** 26 });
    return stdout + stderr;
  } catch (failure) {
    const { code, stderr = '', stdout = '' } = failure as { code?: unknown; stderr?: string; stdout?: string };
    if (code === 'ENOENT') throw new Error(`${command} is not installed`, { cause: failure });
    const said = (stderr + stdout).replace(/^go: downloading .*\n/gm, '').trim();
    throw new Error(`${command} ${args[0]} failed: ${said.slice(0, 1000)}`, { cause: failure });
  }
}

interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}
