import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const root = fileURLToPath(new URL('../../', import.meta.url));

export function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** A YAML file of the repository, its merge keys applied. */
export function readYaml<T>(path: string): T {
  return parse(readText(path), { merge: true });
}
