import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** A fenced block of a document. */
export interface Block {
  readonly language: string;
  readonly text: string;
  /** Of its fence in the document, from 1. */
  readonly line: number;
}

/** The documents that people read, by path from the root. */
export function documents(): string[] {
  const more = ['docs/guides', 'docs/adr', 'docs/runbooks'].flatMap((folder) =>
    readdirSync(join(root, folder)).map((name) => `${folder}/${name}`),
  );
  return ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', ...more.sort()];
}

export function readDocument(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

export function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map((match) => ({
    language: match[1] ?? '',
    text: match[2] ?? '',
    line: markdown.slice(0, match.index).split('\n').length,
  }));
}
