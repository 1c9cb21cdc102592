import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const asks = /\binject\('engines'\)/;
const relative = /\bfrom '(\.{1,2}\/[^']+)'/g;

/** Whether one of the test files, or a module beside it that it imports, asks for the engines. */
export function asksForEngines(files: readonly string[]): boolean {
  const seen = new Set(files);
  // A set grows while it is walked.
  for (const file of seen) {
    const text = readFileSync(file, 'utf8');
    if (asks.test(text)) return true;
    for (const [, specifier = ''] of text.matchAll(relative)) {
      const imported = join(dirname(file), specifier).replace(/\.js$/, '.ts');
      if (existsSync(imported)) seen.add(imported);
    }
  }
  return false;
}
