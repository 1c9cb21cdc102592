import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { RelearnError } from '@relearn/kernel';
import type { Outcome } from './command.js';
import { exitCodes, tellAsJson, tellError } from './exit.js';
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
    return thrown instanceof CommanderError
      ? tellUsage(terminal, thrown, outcome)
      : tellError(terminal, thrown, outcome.json);
  }
}

/** Commander has told it in words. */
function tellUsage(terminal: Terminal, error: CommanderError, { json }: Outcome): number {
  const code = exitCodeOfUsage(error);
  if (json && code !== exitCodes.done) {
    const message = error.message.replace(/^error: /, '');
    tellAsJson(terminal, new RelearnError('INVALID_INPUT', message, { remedy: 'Run it with --help.' }));
  }
  return code;
}

function version(): string {
  const manifest: { version: string } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return manifest.version;
}
