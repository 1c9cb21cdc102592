import { existsSync, readFileSync } from 'node:fs';
import { statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startGuard } from '../brokers/guard.js';
import { smallDisk } from './small-disk.js';

const mounted = (folder: string) => readFileSync('/proc/mounts', 'utf8').includes(` ${folder} `);

test('a small disk has room, has none, has it again, and goes with the one that guards the run', async ({ skip }) => {
  const guard = await startGuard();
  try {
    const disk = await smallDisk(guard, 'data');
    if (disk === null) return skip('this user may not mount a file system of a known size');
    const room = async () => (await statfs(disk.folder)).bfree;
    await writeFile(join(disk.folder, 'data'), 'something');
    const before = await room();
    await disk.fill();
    expect(await room()).toBe(0);
    await disk.free();
    expect(await room()).toBe(before);
    expect(mounted(disk.folder)).toBe(true);
  } finally {
    // The channel to the guard closes, as it does when this process dies.
    await guard.end();
  }
  expect(mounted(join(guard.folder, 'data'))).toBe(false);
  expect(existsSync(guard.folder)).toBe(false);
});
