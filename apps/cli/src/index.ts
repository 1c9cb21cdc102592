import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import type { Outcome } from './command.js';
import { exitCodes, tellError } from './exit.js';
import { buildProgram, exitCodeOfUsage } from './program.js';
import { processTerminal, type Terminal } from './terminal.js';

export type { Output, Terminal } from './terminal.js';

/** Runs one command; answers the exit code: 0 done, 1 failed, 2 bad usage or bad input. Never throws. */
export async function main(argv: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  const outcome: Outcome = { code: exitCodes.done, json: argv.includes('--json') };
  try {
    await buildProgram(terminal, outcome, version()).parseAsync([...argv], { from: 'user' });
    return outcome.code;
  } catch (thrown) {
    return thrown instanceof CommanderError ? exitCodeOfUsage(thrown) : tellError(terminal, thrown, outcome.json);
  }
}

function version(): string {
  const manifest: { version: string } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return manifest.version;
}
