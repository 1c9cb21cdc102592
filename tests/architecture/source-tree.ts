import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Texts by path from the root, with forward slashes. */
export type SourceTree = ReadonlyMap<string, string>;

const skipped = new Set(['node_modules', 'dist', 'data', 'coverage', '.git']);
const readable = /\.(ts|mjs|json)$/;

/** Every source, launcher, manifest and compiler setting of the workspace. */
export function readTree(root: string): SourceTree {
  const tree = new Map<string, string>();
  const walk = (folder: string) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && !skipped.has(entry.name)) walk(path);
      if (entry.isFile() && readable.test(entry.name)) tree.set(path, readFileSync(join(root, path), 'utf8'));
    }
  };
  walk('');
  return tree;
}

export function* filesOf(tree: SourceTree, pattern: RegExp): Generator<readonly [path: string, text: string]> {
  for (const [path, text] of tree) if (pattern.test(path)) yield [path, text];
}

/** The folders of packages: `libs/kernel`, `services/serving`. */
export function packageFolders(tree: SourceTree): string[] {
  return [...tree.keys()].flatMap((path) => /^((?:libs|services|apps)\/[^/]+)\/package\.json$/.exec(path)?.[1] ?? []);
}

/** The source with comments blanked and the text within quotes too; line numbers stay. */
export function codeOf(text: string): string {
  const tokens = /\/\*[^]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g;
  return text.replace(tokens, (token) => {
    const blank = token.replace(/[^\n]/g, ' ');
    return token.startsWith('/') ? blank : `${token[0]}${blank.slice(2)}${token[0]}`;
  });
}

export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}
