import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { planted, plantedBugs } from '../src/planted-bugs.js';

const script = join(import.meta.dirname, '..', 'dist', 'simulate.js');

async function simulate(...args: string[]): Promise<{ code: number; told: string }> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [told, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return { code: Number(code), told };
}

const seeds = 300;

test(`${seeds} seeds of faults lose nothing, double nothing, and every turn has its end`, async () => {
  const { code, told } = await simulate('--seeds', String(seeds));
  expect(told).toContain('\n0 seeds with violations\n');
  expect(code).toBe(0);
  // What is meant to be tried has been.
  for (const layout of ['embedded', 'twins', 'halves', 'apart']) expect(told).toMatch(new RegExp(`${layout} \\d`));
  for (const fault of [
    'crash',
    'pause',
    'restart',
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

test('every planted bug is found, each in a product that is whole but for it', async () => {
  const { code, told } = await simulate('--planted');
  const [all, found] = [plantedBugs.length, /(\d+) of \d+ planted bugs were found/.exec(told)?.[1]];
  expect(told).not.toMatch(/not found in/);
  expect({ code, found }).toEqual({ code: 0, found: String(all) });
  expect(all).toBeGreaterThanOrEqual(10);
}, 1_200_000);

test('a bug whose text is not in the product is refused', () => {
  const nowhere = {
    name: 'nowhere',
    replacements: [{ module: 'libs/kernel/dist/time.js', from: 'no such text', to: '' }],
  };
  expect(() => planted('some text', 'libs/kernel/dist/time.js', nowhere)).toThrow(/does not hold once: no such text/);
  expect(planted('a no such text b', 'libs/kernel/dist/time.js', nowhere)).toBe('a  b');
});
