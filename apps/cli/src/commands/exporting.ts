import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { RelearnError, sha256 } from '@relearn/kernel';
import type { Action } from '../command.js';
import { reading } from './reading.js';

interface BundleAnswer {
  readonly bundle: string;
  /** By name their SHA-256. */
  readonly files: Readonly<Record<string, string>>;
  readonly signed: boolean;
}

export interface ExportOptions {
  readonly out?: string;
}

const signatureFile = 'model.sig';

/** Writes the files of a model version into a new folder: what its bundle names, and who vouches for it. */
export function exportModel(
  action: Action,
  [name = '', version = '']: readonly string[],
  { out = `${name}-${version}` }: ExportOptions,
): Promise<void> {
  const folder = resolve(action.terminal.folder, out);
  return reading(action, async (client) => {
    const path = `/models/${encodeURIComponent(name)}/versions/${encodeURIComponent(version)}/bundle`;
    const answer = await client.get<BundleAnswer>(path);
    const names = [...Object.keys(answer.files).sort(), ...(answer.signed ? [signatureFile] : [])];
    const stray = names.find((file) => basename(file) !== file || ['', '.', '..'].includes(file));
    if (stray !== undefined) throw new RelearnError('CORRUPT', `'${stray}' is no name of a file in a bundle`);
    await makeFolder(folder);
    for (const file of names) {
      const bytes = await client.download(`${path}/${encodeURIComponent(file)}`);
      const digest = answer.files[file];
      if (digest !== undefined && sha256(bytes) !== digest) {
        throw new RelearnError('CORRUPT', `${file} is not what its digest says`);
      }
      await writeFile(join(folder, file), bytes);
    }
    const signed = answer.signed ? 'signed' : 'not signed';
    action.print({ ...answer, folder }, `${folder}: ${names.length} files of ${name} ${version}, ${signed}`);
  });
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST')) throw thrown;
    throw new RelearnError('ALREADY_EXISTS', `${folder} is there already`, { remedy: 'Name a new folder by --out.' });
  }
}
