import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { CodeFacts } from '@relearn/evaluation';
import { version } from './version.js';
import { digestOf, RelearnError, sha256 } from '@relearn/kernel';

const root = join(import.meta.dirname, '..', '..', '..');
const require = createRequire(import.meta.url);

/** Which code makes the models of this process: hashes of the trainers and of the lock file, the commit, the runtimes. */
export async function codeFacts(): Promise<CodeFacts> {
  return {
    version,
    trainers: digestOf(await hashesIn(join(root, 'libs/trainers/dist'))),
    lockFile: await fileHash(join(root, 'package-lock.json')),
    commit: await headCommit(),
    node: process.versions.node,
    onnxRuntime: versionOf('onnxruntime-node'),
  };
}

async function hashesIn(folder: string): Promise<Record<string, string>> {
  const names = await readdir(folder, { recursive: true });
  const code = names.filter((name) => name.endsWith('.js')).sort();
  return Object.fromEntries(
    await Promise.all(code.map(async (name) => [name, await fileHash(join(folder, name))] as const)),
  );
}

async function fileHash(path: string): Promise<string> {
  return (await optional(readFile(path).then(sha256))) ?? 'unknown';
}

/** The checked-out commit, read from .git; `unknown` outside of a checkout. */
async function headCommit(): Promise<string> {
  const git = join(root, '.git');
  const head = await optional(readFile(join(git, 'HEAD'), 'utf8'));
  const reference = head?.startsWith('ref: ') === true ? head.slice(5).trim() : undefined;
  if (reference === undefined) return head?.trim() ?? 'unknown';
  return (await optional(readFile(join(git, reference), 'utf8')))?.trim() ?? 'unknown';
}

async function optional<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (thrown) {
    if (RelearnError.from(thrown).code === 'NOT_FOUND') return null;
    throw thrown;
  }
}

function versionOf(name: string): string {
  const manifest: unknown = require(`${name}/package.json`);
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown';
}
