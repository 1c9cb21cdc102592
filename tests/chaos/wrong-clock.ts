import { rename, writeFile } from 'node:fs/promises';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Chance } from '@relearn/kernel';
import type { Mishap } from './disturb.js';

type Environment = Readonly<Record<string, string>>;

const surroundings = pathToFileURL(join(import.meta.dirname, 'surroundings.mjs')).href;

/** What a process is started with, so that its clock can be set wrong and its links be cut. */
export function surroundedBy(more: Environment): Environment {
  return { NODE_OPTIONS: `--import=${surroundings}`, ...more };
}

const lastsMs = 8_000;
const farthestMs = 30_000;

/** The wall clock of a process jumps, forward or back, and after a while back again. */
export function wrongClock(file: string, chance: Chance): Mishap & { readonly env: Environment } {
  const set = async (offset: number) => {
    await writeFile(`${file}.new`, String(offset));
    await rename(`${file}.new`, file);
  };
  writeFileSync(file, '0');
  return {
    kind: 'clock jump',
    lastsMs,
    begin: () => set(Math.round((chance.next() * 2 - 1) * farthestMs)),
    end: () => set(0),
    env: { CHAOS_CLOCK: file },
  };
}
