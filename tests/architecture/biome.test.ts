import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const workspace = fileURLToPath(new URL('../../', import.meta.url));
const longest = 70;
let tree = '';

beforeEach(() => {
  tree = realpathSync(mkdtempSync(join(tmpdir(), 'relearn-biome-')));
  cpSync(join(workspace, 'biome.json'), join(tree, 'biome.json'));
});

afterEach(() => rmSync(tree, { recursive: true, force: true }));

/** What Biome says of one file, or nothing when it accepts it. */
function complaints(path: string, text: string): string {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  writeFileSync(join(tree, path), text);
  const biome = join(workspace, 'node_modules/@biomejs/biome/bin/biome');
  const run = spawnSync(process.execPath, [biome, 'check', '--vcs-enabled=false'], { cwd: tree, encoding: 'utf8' });
  return run.status === 0 ? '' : run.stdout + run.stderr;
}

function functionOf(lines: number): string {
  return `export function run(): void {\n${'  step();\n'.repeat(lines)}}\n`;
}

describe('Biome', () => {
  test(`refuses a function with more than ${longest} lines between its braces`, () => {
    expect(complaints('libs/stats/src/long.ts', functionOf(longest + 1))).toContain('noExcessiveLinesPerFunction');
    expect(complaints('libs/stats/src/long.ts', functionOf(longest))).toBe('');
  });

  test('lets the blocks of a test be longer', () => {
    expect(complaints('libs/stats/test/long.test.ts', functionOf(longest + 1))).toBe('');
  });

  test('refuses what is not formatted', () => {
    expect(complaints('libs/stats/src/double.ts', 'export const name = "x"\n')).toContain('format');
  });
});
