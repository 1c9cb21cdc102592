import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { planted, plantedBugs } from '../src/planted-bugs.js';

const script = join(import.meta.dirname, '..', 'dist', 'simulate.js');
const root = join(import.meta.dirname, '..', '..', '..');

async function simulate(...args: string[]): Promise<{ code: number; told: string }> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [told, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return { code: Number(code), told };
}

const seeds = 300;
const quickly = [
  'skip the dedup in validation',
  'forget the fence: write the checkpoint whoever has the shard',
  'skip the sequence rule in folds',
  'drop a label that comes before its prediction',
];

test(`${seeds} seeds of faults lose nothing, double nothing, and every turn has its end`, async () => {
  const { code, told } = await simulate('--seeds', String(seeds));
  expect(told).toContain('\n0 seeds with violations\n');
  expect(code).toBe(0);
  // What is meant to be tried has been.
  expect(told).toMatch(/ [1-9]\d* rollouts/);
  for (const layout of ['embedded', 'twins', 'halves', 'apart']) expect(told).toMatch(new RegExp(`${layout} \\d`));
  for (const fault of [
    'crash',
    'pause',
    'pause from an ambush',
    'outage from an ambush',
    'restart',
    'outage',
    'thread hung',
    'jump',
    'publish part',
    'publish twice',
    'write lost',
    'commit late',
  ])
    expect(told).toMatch(new RegExp(`${fault} \\d`));
}, 600_000);

test('a seed has one schedule, and its replay shows the end of it', async () => {
  const runs = [await simulate('--seed', '7'), await simulate('--seed', '7')];
  expect(runs[0]?.told).toMatch(/^seed 7: .*schedule [0-9a-f]{8}-\d+/);
  expect(runs[1]).toEqual(runs[0]);
});

describe('planted bugs', () => {
  const places = plantedBugs.flatMap((bug) =>
    [...new Set(bug.replacements.map(({ module }) => module))].map((module) => ({ name: bug.name, bug, module })),
  );

  test.each(places)('$name: its text is in $module', async ({ bug, module }) => {
    const source = await readFile(join(root, module), 'utf8');
    expect(planted(source, module, bug)).not.toBe(source);
  });

  test('some that few seeds find are found', async () => {
    const bugs = quickly.flatMap((name) => ['--bug', name]);
    const { code, told } = await simulate('--planted', '--seeds', '40', ...bugs);
    expect(told).toContain(`${quickly.length} of ${quickly.length} planted bugs were found`);
    expect(code).toBe(0);
  }, 600_000);
});
